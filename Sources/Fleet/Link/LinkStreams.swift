package import GEM

/// The streams of one end of a link: what may be sent on each, and what each frame of the other end means. Knows no socket.
///
/// The end that dialled numbers its streams 1, 3, 5…, the other 2, 4, 6…; a number is never used again.
package struct LinkStreams: Sendable {
    /// Which end this is.
    package enum Role: Sendable { case dialler, acceptor }

    /// What an end puts up with.
    package struct Limits: Sendable {
        /// Streams at a time that the other end has opened.
        package var streams = 4096

        package init() {}
    }

    /// What a frame means to whoever holds the streams.
    package enum Event: Equatable, Sendable {
        /// The other end asks for a stream: answer by ``accept(_:)`` or ``reset(_:_:)``.
        case asked(UInt32, target: String)
        /// A stream that was asked for here is joined.
        case accepted(UInt32)
        case data(UInt32, [UInt8])
        /// More may be sent.
        case room(UInt32)
        /// The other end sends nothing more.
        case ended(UInt32)
        case reset(UInt32, Failure)
        /// To be sent at once.
        case answer(LinkFrame)
        /// The answer to a ping.
        case heard(UInt64)
    }

    private struct Stream {
        var mayReceive: Int
        var maySend = 0
        /// Bytes that were taken and whose room has not been offered again.
        var taken = 0
        var hasEnded = false
        var otherHasEnded = false
        var isAccepted = false
    }

    private let limits: Limits
    private let isDialler: Bool
    private var streams: [UInt32: Stream] = [:]
    private var nextID: UInt32
    private var highestOther: UInt32 = 0
    private var otherCount = 0

    /// Bytes of one stream that may be on their way or wait at the other end: what a new stream may send at once.
    package static let window = 256 << 10

    package init(_ role: Role, _ limits: Limits = Limits()) {
        self.limits = limits
        isDialler = role == .dialler
        nextID = role == .dialler ? 1 : 2
    }

    /// How many streams there are.
    package var count: Int { streams.count }

    /// How many bytes `id` may send now; 0 for one that is over.
    package func room(of id: UInt32) -> Int { streams[id].map { $0.hasEnded ? 0 : $0.maySend } ?? 0 }

    // MARK: What this end does

    /// Begins a stream.
    ///
    /// - Throws: ``Failure`` of kind `overloaded` when too many are open.
    package mutating func open(_ target: String) throws(Failure) -> (id: UInt32, frame: LinkFrame) {
        guard streams.count - otherCount < limits.streams, nextID < .max - 2 else {
            throw Failure(.overloaded, "Too many connections to this host are open. Try again in a moment.")
        }
        let id = nextID
        nextID += 2
        streams[id] = Stream(mayReceive: Self.window, maySend: Self.window)
        return (id, .open(id, target: target))
    }

    /// Takes on a stream that was asked for.
    ///
    /// - Returns: What to send; `nil` where it is over by now.
    package mutating func accept(_ id: UInt32) -> LinkFrame? {
        guard streams[id] != nil else { return nil }
        streams[id]?.isAccepted = true
        return .accept(id)
    }

    /// Counts bytes as sent, which must be no more than ``room(of:)``.
    package mutating func send(_ payload: [UInt8], on id: UInt32) -> LinkFrame {
        precondition(payload.count <= room(of: id), "more than the other end has room for")
        streams[id]?.maySend -= payload.count
        return .data(id, payload)
    }

    /// Counts bytes as taken out of this end.
    ///
    /// - Returns: An offer of room, once it is worth a frame.
    package mutating func take(_ count: Int, of id: UInt32) -> LinkFrame? {
        guard var stream = streams[id], !stream.otherHasEnded else { return nil }
        stream.taken += count
        defer { streams[id] = stream }
        guard stream.taken >= Self.window / 4 else { return nil }
        let offer = stream.taken
        stream.mayReceive += offer
        stream.taken = 0
        return .window(id, UInt32(offer))
    }

    /// Nothing more is sent on a stream.
    ///
    /// - Returns: What to send; `nil` where that is known already.
    package mutating func end(_ id: UInt32) -> LinkFrame? {
        guard let stream = streams[id], !stream.hasEnded else { return nil }
        streams[id]?.hasEnded = true
        if stream.otherHasEnded { forget(id) }
        return .end(id)
    }

    /// Gives a stream up.
    ///
    /// - Returns: What to send; `nil` where it is over already.
    package mutating func reset(_ id: UInt32, _ failure: Failure) -> LinkFrame? {
        guard streams[id] != nil else { return nil }
        forget(id)
        return .reset(id, failure)
    }

    // MARK: What the other end does

    /// Takes in a frame.
    ///
    /// - Returns: What it means; `nil` where it means nothing any more, because the stream was given up here meanwhile.
    /// - Throws: ``LinkError/protocolViolation(_:)``.
    package mutating func receive(_ frame: LinkFrame) throws(LinkError) -> Event? {
        switch frame {
        case .ping(let number): return .answer(.pong(number))
        case .pong(let number): return .heard(number)
        case .open(let id, let target): return try open(id, target)
        case .accept(let id):
            guard try known(id) != nil else { return nil }
            guard !isOther(id), streams[id]?.isAccepted == false else {
                throw .protocolViolation("stream \(id) was accepted twice, or by who asked for it")
            }
            streams[id]?.isAccepted = true
            return .accepted(id)
        case .data(let id, let payload):
            guard let stream = try known(id) else { return nil }
            guard !stream.otherHasEnded, payload.count <= stream.mayReceive else {
                throw .protocolViolation("stream \(id) sent more than there was room for, or after its end")
            }
            streams[id]?.mayReceive -= payload.count
            return .data(id, payload)
        case .window(let id, let count):
            guard let stream = try known(id) else { return nil }
            guard count > 0, stream.maySend + Int(count) <= Int(Int32.max) else {
                throw .protocolViolation("stream \(id) was offered room for \(count) bytes more")
            }
            streams[id]?.maySend += Int(count)
            return .room(id)
        case .end(let id):
            guard let stream = try known(id) else { return nil }
            guard !stream.otherHasEnded else { throw .protocolViolation("stream \(id) ended twice") }
            streams[id]?.otherHasEnded = true
            if stream.hasEnded { forget(id) }
            return .ended(id)
        case .reset(let id, let failure):
            guard try known(id) != nil else { return nil }
            forget(id)
            return .reset(id, failure)
        }
    }

    private mutating func open(_ id: UInt32, _ target: String) throws(LinkError) -> Event {
        guard isOther(id), id > highestOther else {
            throw .protocolViolation("stream \(id) was opened out of turn")
        }
        highestOther = id
        guard otherCount < limits.streams else {
            return .answer(.reset(id, Failure(.overloaded, "Too many connections are open. Try again in a moment.")))
        }
        otherCount += 1
        streams[id] = Stream(mayReceive: Self.window, maySend: Self.window)
        return .asked(id, target: target)
    }

    /// The stream called `id`; `nil` where it was given up here, which the other end may not have heard yet.
    private func known(_ id: UInt32) throws(LinkError) -> Stream? {
        if let stream = streams[id] { return stream }
        guard isOther(id) ? id <= highestOther : id < nextID else {
            throw .protocolViolation("stream \(id) was never opened")
        }
        return nil
    }

    private func isOther(_ id: UInt32) -> Bool { (id % 2 == 1) != isDialler }

    private mutating func forget(_ id: UInt32) {
        guard streams.removeValue(forKey: id) != nil else { return }
        if isOther(id) { otherCount -= 1 }
    }
}
