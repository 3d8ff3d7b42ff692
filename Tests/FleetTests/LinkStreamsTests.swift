import GEM
import Testing

@testable import Fleet

@Suite struct LinkStreamsTests {
    /// One end, held by reference so that an expectation can change it.
    private final class End {
        private var streams: LinkStreams

        init(_ role: LinkStreams.Role, _ limits: LinkStreams.Limits = .init()) { streams = LinkStreams(role, limits) }

        var count: Int { streams.count }
        func room(of id: UInt32) -> Int { streams.room(of: id) }
        func open(_ target: String) throws -> (id: UInt32, frame: LinkFrame) { try streams.open(target) }
        func accept(_ id: UInt32) -> LinkFrame? { streams.accept(id) }
        func send(_ payload: [UInt8], on id: UInt32) -> LinkFrame { streams.send(payload, on: id) }
        func take(_ count: Int, of id: UInt32) -> LinkFrame? { streams.take(count, of: id) }
        func end(_ id: UInt32) -> LinkFrame? { streams.end(id) }
        func reset(_ id: UInt32, _ failure: Failure) -> LinkFrame? { streams.reset(id, failure) }
        func receive(_ frame: LinkFrame) throws -> LinkStreams.Event? { try streams.receive(frame) }
    }

    /// Two ends that have heard everything of each other.
    private struct Pair {
        let near = End(.dialler)
        let far = End(.acceptor)

        /// A stream that both know.
        func stream() throws -> UInt32 {
            let (id, frame) = try near.open("x")
            #expect(try far.receive(frame) == .asked(id, target: "x"))
            let answer = try #require(far.accept(id))
            #expect(try near.receive(answer) == .accepted(id))
            return id
        }
    }

    @Test func countsRoom() throws {
        let pair = Pair()
        let id = try pair.stream()
        let window = LinkStreams.window
        #expect(pair.near.room(of: id) == window)
        let piece = [UInt8](repeating: 1, count: window / 2)
        for _ in 0..<2 { #expect(try pair.far.receive(pair.near.send(piece, on: id)) == .data(id, piece)) }
        #expect(pair.near.room(of: id) == 0)
        // Little by little is not worth a frame; a quarter is.
        #expect(pair.far.take(1, of: id) == nil)
        let offer = try #require(pair.far.take(window / 4, of: id))
        #expect(offer == .window(id, UInt32(window / 4 + 1)))
        #expect(try pair.near.receive(offer) == .room(id))
        #expect(pair.near.room(of: id) == window / 4 + 1)
    }

    @Test func endsEachDirectionByItself() throws {
        let pair = Pair()
        let id = try pair.stream()
        let end = try #require(pair.near.end(id))
        #expect(pair.near.end(id) == nil && pair.near.room(of: id) == 0)
        #expect(try pair.far.receive(end) == .ended(id))
        #expect(try pair.near.receive(pair.far.send([7], on: id)) == .data(id, [7]))
        let other = try #require(pair.far.end(id))
        #expect(try pair.near.receive(other) == .ended(id))
        #expect(pair.near.count == 0 && pair.far.count == 0)
    }

    /// What was under way when a stream was given up is no offence.
    @Test func overlooksWhatComesTooLate() throws {
        let pair = Pair()
        let id = try pair.stream()
        let data = pair.near.send([1], on: id)
        let reset = try #require(pair.far.reset(id, Failure(.infraFailed, "gone")))
        for late in [data, .window(id, 5), .end(id), .reset(id, Failure(.timeout, ""))] {
            #expect(try pair.far.receive(late) == nil)
        }
        #expect(try pair.near.receive(reset) == .reset(id, Failure(.infraFailed, "gone")))
        #expect(pair.near.count == 0 && pair.near.end(id) == nil && pair.near.reset(id, Failure(.timeout, "")) == nil)
    }

    @Test(
        arguments: [
            [.data(9, [1])], [.window(9, 1)], [.end(2)], [.accept(1)],
            // Not the dialler's numbers, not the next ones, not after the end.
            [.open(2, target: "x")], [.open(3, target: "x"), .open(1, target: "y")],
            [.open(1, target: "x"), .open(1, target: "x")],
            [.open(1, target: "x"), .end(1), .end(1)], [.open(1, target: "x"), .end(1), .data(1, [1])],
            [.open(1, target: "x"), .window(1, 0)], [.open(1, target: "x"), .window(1, .max)],
            [.open(1, target: "x"), .accept(1)],
        ] as [[LinkFrame]])
    func refuses(_ frames: [LinkFrame]) throws {
        let end = End(.acceptor)
        for frame in frames.dropLast() { _ = try end.receive(frame) }
        #expect(throws: LinkError.self) { try end.receive(frames[frames.count - 1]) }
    }

    @Test func refusesMoreThanThereIsRoomFor() throws {
        let end = End(.acceptor)
        _ = try end.receive(.open(1, target: "x"))
        let piece = [UInt8](repeating: 0, count: LinkFrame.payloadLimit)
        for _ in 0..<(LinkStreams.window / piece.count) { _ = try end.receive(.data(1, piece)) }
        #expect(throws: LinkError.self) { try end.receive(.data(1, [0])) }
    }

    @Test func limitsStreams() throws {
        var limits = LinkStreams.Limits()
        limits.streams = 2
        let end = End(.acceptor, limits)
        for id in [1, 3] as [UInt32] { #expect(try end.receive(.open(id, target: "x")) == .asked(id, target: "x")) }
        guard case .answer(.reset(5, let failure))? = try end.receive(.open(5, target: "x")) else {
            return #expect(Bool(false))
        }
        #expect(failure.kind == .overloaded)
        // Its own are counted by themselves.
        for _ in 0..<2 { _ = try end.open("y") }
        #expect(throws: Failure.self) { try end.open("y") }
        _ = end.reset(1, failure)
        #expect(try end.receive(.open(7, target: "x")) == .asked(7, target: "x"))
    }

    @Test func answersPings() throws {
        let end = End(.dialler)
        #expect(try end.receive(.ping(5)) == .answer(.pong(5)))
        #expect(try end.receive(.pong(6)) == .heard(6))
    }
}
