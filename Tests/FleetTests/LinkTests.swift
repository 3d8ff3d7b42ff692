import CLinux
import GEM
import Synchronization
import Testing
import Transport

@testable import Fleet

@Suite(.timeLimit(.minutes(1))) struct LinkTests {
    /// Two ends on two loops, joined by a socket that can be looked at.
    private func withLink(
        heartbeat: Link.Heartbeat = .init(), accept: @escaping Link.Acceptance,
        _ body: @Sendable (Link, Link, EventLoop) async throws -> Void
    ) async throws {
        let (one, other) = (try EventLoop(name: "near"), try EventLoop(name: "far"))
        let (first, second) = try LooseEnd.pair()
        let near = try await Self.link(first, .dialler, one, heartbeat) { target, _ in
            throw Failure(.methodNotFound, target)
        }
        let far = try await Self.link(second, .acceptor, other, heartbeat, accept)
        async let nearEnd = near.run()
        async let farEnd = far.run()
        do { try await body(near, far, one) } catch { Issue.record(error) }
        near.close()
        far.close()
        _ = await (nearEnd, farEnd)
        one.shutDown()
        other.shutDown()
    }

    private static func link(
        _ end: LooseEnd, _ role: LinkStreams.Role, _ loop: EventLoop, _ heartbeat: Link.Heartbeat,
        _ accept: @escaping Link.Acceptance
    ) async throws -> Link {
        try await loop.hop {
            Link(try end.socket(on: loop), role: role, heartbeat: heartbeat, accept: accept)
        }
    }

    /// One end of a pair whose other end gives back what it gets, then ends.
    @Sendable private static func echo(_ target: String, _ loop: EventLoop) async throws -> StreamSocket {
        let (joined, own) = try socketPair(on: loop)
        Task(executorPreference: loop) {
            do {
                while let bytes = try await receive(own) { try await own.sendAll(bytes, patience: .seconds(30)) }
                own.finishSending()
                while try await receive(own) != nil {}
            } catch {}  // the test sees that nothing came back
            own.close()
        }
        return joined
    }

    private static func socketPair(on loop: EventLoop) throws -> (StreamSocket, StreamSocket) {
        let (first, second) = try LooseEnd.pair()
        return (try first.socket(on: loop), try second.socket(on: loop))
    }

    private static func receive(_ socket: StreamSocket) async throws -> [UInt8]? {
        while true {
            if let count = try socket.receive(into: socket.loop.scratch) {
                return count == 0 ? nil : Array(socket.loop.scratch[..<count])
            }
            try await socket.waitUntilReadable()
        }
    }

    @Test func carriesManyStreamsAtOnce() async throws {
        try await withLink(accept: Self.echo) { near, _, loop in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let socket = try await near.open("echo", on: loop)
                        try await loop.hop {
                            let sent = (0..<(300_000 + number)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) }
                            async let sending: Void = socket.sendAll(sent, patience: .seconds(30))
                            var back: [UInt8] = []
                            while back.count < sent.count, let bytes = try await Self.receive(socket) { back += bytes }
                            try await sending
                            socket.finishSending()
                            #expect(back == sent)
                            #expect(try await Self.receive(socket) == nil)
                            socket.close()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// Who does not read holds up nobody else, and costs no more than a window.
    @Test func holdsBackWhoeverIsNotRead() async throws {
        let silent = Mutex<[StreamSocket]>([])
        try await withLink(accept: { target, loop in
            guard target == "silent" else { return try await Self.echo(target, loop) }
            let (joined, own) = try Self.socketPair(on: loop)
            silent.withLock { $0.append(own) }
            return joined
        }) { near, _, loop in
            let stuck = try await near.open("silent", on: loop)
            let quick = try await near.open("echo", on: loop)
            try await loop.hop {
                // Far more than every buffer on the way: it must get stuck.
                await #expect(throws: ConnectionError.timedOut) {
                    try await stuck.sendAll([UInt8](repeating: 1, count: 32 << 20), patience: .milliseconds(300))
                }
                try await quick.sendAll([1, 2, 3], patience: .seconds(5))
                #expect(try await Self.receive(quick) == [1, 2, 3])
                stuck.close()
                quick.close()
            }
        }
        silent.withLock { $0.removeAll() }
    }

    @Test func tellsWhyAStreamIsRefused() async throws {
        try await withLink(accept: { target, _ in throw Failure(.notFound, "no \(target)") }) { near, far, loop in
            await #expect(throws: Failure(.notFound, "no x")) { try await near.open("x", on: loop) }
            // And in the other direction.
            await #expect(throws: Failure(.methodNotFound, "y")) { try await far.open("y", on: loop) }
        }
    }

    @Test func endsItsStreamsWithTheLink() async throws {
        try await withLink(accept: Self.echo) { near, far, loop in
            let socket = try await near.open("echo", on: loop)
            far.close()
            try await loop.hop {
                let bytes = try await Self.receive(socket)
                #expect(bytes == nil)
            }
            await #expect(throws: Failure.self) { try await near.open("echo", on: loop) }
        }
    }

    @Test func measuresTheWayAndNoticesSilence() async throws {
        var heartbeat = Link.Heartbeat()
        (heartbeat.interval, heartbeat.patience) = (.milliseconds(10), .milliseconds(200))
        let loop = try EventLoop(name: "near")
        let (first, second) = try LooseEnd.pair()
        let link = try await Self.link(first, .dialler, loop, heartbeat, Self.echo)
        // The other end is there and says nothing.
        #expect(await link.run() == .silent)
        #expect(link.roundTrip == nil)
        withExtendedLifetime(second) {}
        try await withLink(heartbeat: heartbeat, accept: Self.echo) { near, _, loop in
            let socket = try await near.open("echo", on: loop)
            // Lives longer than its patience, because it is answered.
            try await loop.sleep(until: .now + .milliseconds(400))
            #expect(near.roundTrip != nil)
            try await loop.hop {
                try await socket.sendAll([9], patience: .seconds(5))
                #expect(try await Self.receive(socket) == [9])
                socket.close()
            }
        }
        loop.shutDown()
    }

    @Test(arguments: [[9], [3, 0, 0, 1, 0, 0, 0, 9, 1], [2, 0, 0, 0, 0, 0, 0, 5]] as [[UInt8]])
    func endsWhenTheOtherBreaksTheRules(_ bytes: [UInt8]) async throws {
        let loop = try EventLoop(name: "near")
        let (first, second) = try LooseEnd.pair()
        let link = try await Self.link(first, .dialler, loop, .init(), Self.echo)
        let other = second.take()
        let count = bytes.withUnsafeBytes { rock_send_now(other.rawValue, $0.baseAddress, $0.count) }
        #expect(count == bytes.count)
        guard case .protocolViolation = await link.run() else { return #expect(Bool(false)) }
        loop.shutDown()
    }
}
