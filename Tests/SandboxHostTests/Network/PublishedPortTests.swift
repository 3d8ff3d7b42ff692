import GEM
import Glibc
import Testing
import Transport

@testable import SandboxHost

/// Ports of the machine's that stand for ports inside.
@Suite(.serialized) struct PublishedPortTests {
    private static let loop = testLoops.loops[1]

    /// A server inside that sends back what it receives.
    private static func echo(in sandbox: Namespace, _ port: UInt16) async throws -> InternetListener {
        let listener = try InternetListener(IPv4(0x7F00_0001), port, machine: sandbox.descriptor, on: loop)
        try await loop.hop {
            try listener.start { socket, _ in
                Task(executorPreference: loop) {
                    try socket.watch()
                    while case let bytes = try await receive(1, from: socket), !bytes.isEmpty {
                        try await socket.sendAll(bytes, patience: .seconds(10))
                    }
                    socket.finishSending()
                }
            }
        }
        return listener
    }

    private static func connect(_ place: Namespace, _ port: UInt16, on loop: EventLoop) async throws -> StreamSocket {
        let descriptor = try place.socket()
        try InternetAddress.connect(descriptor.rawValue, IPv4(0x7F00_0001), port)
        let socket = StreamSocket(descriptor, on: loop)
        try socket.watch()
        return socket
    }

    private static func receive(_ count: Int, from socket: StreamSocket) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var taken: Int?
            bytes += try [UInt8](unsafeUninitializedCapacity: 1 << 16) { room, count in
                taken = try socket.receive(into: UnsafeMutableRawBufferPointer(room))
                count = taken ?? 0
            }
            if taken == 0 { break }
            if taken == nil { try await socket.waitUntilReadable(until: ContinuousClock.now + .seconds(10)) }
        }
        return bytes
    }

    @Test func carriesBothWays() async throws {
        let world = try FakeInternet()
        let fabric = try world.makeFabric { $0.maximumPublishedConnections = 2 }
        let sandbox = try Namespace()
        var links = try LinkSocket(in: sandbox.descriptor)
        try links.raiseLoopback()
        let server = try await Self.echo(in: sandbox, 8080)
        let id = SandboxID.named("published")
        let inside: PublishedPort.Connect = { port throws(Failure) in
            do {
                let descriptor = try sandbox.socket()
                try InternetAddress.connect(descriptor.rawValue, IPv4(0x7F00_0001), port)
                return descriptor
            } catch {
                throw Failure(.notFound, "\(error)")
            }
        }
        let ports = try await fabric.publish(id, ports: [8080: 0, 22: 0], connect: inside)
        let outside = try #require(ports[8080])
        #expect(try await fabric.publish(.named("other"), ports: [8080: outside], connect: inside)[8080] != outside)

        let data = (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let machine = world.machine
        try await Self.loop.hop {
            let first = try await Self.connect(machine, outside, on: Self.loop)
            async let sent: Void = first.sendAll(data, patience: .seconds(10))
            #expect(try await Self.receive(data.count, from: first) == data)
            try await sent
            // Half closed: the end comes back when everything has.
            let second = try await Self.connect(machine, outside, on: Self.loop)
            try await second.sendAll([1, 2, 3], patience: .seconds(10))
            second.finishSending()
            #expect(try await Self.receive(100, from: second) == [1, 2, 3])
            // Nobody listens inside, or it is one too many: the end comes at once.
            let third = try await Self.connect(machine, outside, on: Self.loop)
            try await third.sendAll([4], patience: .seconds(10))
            #expect(try await Self.receive(1, from: third) == [4])
            let surplus = try await Self.connect(machine, outside, on: Self.loop)
            #expect(await Self.ends(surplus))
            third.close()
            second.close()
            let nobody = try await Self.connect(machine, try #require(ports[22]), on: Self.loop)
            #expect(await Self.ends(nobody))
            nobody.close()
            surplus.close()
            try await fabric.release(id)
            #expect(await Self.ends(first), "a release cuts what is open")
            first.close()
        }
        #expect(try machine.connect("127.0.0.1", outside) == .failed(ECONNREFUSED))
        try await Self.loop.hop { server.stop() }
        try await fabric.shutDown()
    }

    /// Whether the other end closes the connection, properly or not, without sending.
    private static func ends(_ socket: StreamSocket) async -> Bool {
        do { return try await receive(1, from: socket).isEmpty } catch { return error as? ConnectionError != .timedOut }
    }
}
