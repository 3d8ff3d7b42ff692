import Glibc
import Testing

@testable import Transport

/// Runs `body` with a line server, and shuts everything down, whatever happens.
private func withLines<Result: Sendable>(
    on address: SocketAddress = .anyLoopbackPort, _ configuration: LineConfiguration = LineConfiguration(),
    handler: @escaping @Sendable (LineConnection) async throws -> Void,
    _ body: (SocketAddress, EventLoop, LineServer) async throws -> Result
) async throws -> Result {
    let group = try EventLoopGroup(count: 2)
    let server = LineServer(configuration: configuration, group: group, handler: handler)
    let clients = try EventLoop(name: "clients")
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(try await server.start(on: address), clients, server))
    } catch {
        result = .failure(error)
    }
    await server.shutDown(within: .seconds(5))
    clients.shutDown()
    group.shutDown()
    return try result.get()
}

@Sendable private func echo(_ connection: LineConnection) async throws {
    for try await line in connection.lines { try await connection.send([UInt8]("<") + line + [UInt8](">")) }
}

private func socketPath(_ name: String) -> String { "/tmp/transport-\(name)-\(getpid()).sock" }

@Suite(.timeLimit(.minutes(1)))
struct LineServerTests {
    @Test(arguments: [SocketAddress.anyLoopbackPort, .unix(path: socketPath("echo"))])
    func linesComeBackInOrder(_ address: SocketAddress) async throws {
        try await withLines(on: address, handler: echo) { address, loop, _ in
            let connection = try await LineConnection.connect(to: address, on: loop)
            // Far more than any socket buffers, sent by one task and read by another.
            let long = [UInt8](repeating: 0x61, count: 3_000_000)
            let sender = Task {
                for number in 0..<1000 { try await connection.send([UInt8]("\(number)")) }
                try await connection.send(long)
                try await connection.send([])
            }
            var wrong = 0
            var number = 0
            for try await line in connection.lines {
                let expected = number < 1000 ? [UInt8]("<\(number)>") : [0x3C] + (number == 1000 ? long : []) + [0x3E]
                if line != expected { wrong += 1 }
                number += 1
                if number == 1002 { break }
            }
            try await sender.value
            #expect(wrong == 0)
            await #expect(throws: LineError.containsNewline) { try await connection.send([0x0A]) }
        }
    }

    @Test func piecesMakeTheSameLines() async throws {
        let bytes = [UInt8]("one\n\ntwo\r\n\u{0}\n")
        try await withLines(handler: echo) { address, loop, _ in
            for split in bytes.splits {
                let client = try await RawClient(address, on: loop)
                for piece in split { try await client.send(Array(piece)) }
                try await client.finishSending()
                #expect(try await client.receiveAll() == "<one>\n<>\n<two\r>\n<\u{0}>\n")
            }
        }
    }

    @Test func aLineThatIsTooLongIsNamedAndEndsTheConnection() async throws {
        var configuration = LineConfiguration()
        configuration.maximumLineBytes = 100
        let handler: @Sendable (LineConnection) async throws -> Void = { connection in
            do {
                try await echo(connection)
            } catch let error as LineError {
                try await connection.send([UInt8]("\(error)"))
            }
        }
        try await withLines(configuration, handler: handler) { address, loop, _ in
            for end in ["", "\n"] {
                let client = try await RawClient(address, on: loop)
                try await client.send(
                    String(repeating: "x", count: 100) + "\n" + String(repeating: "y", count: 101) + end)
                let response = try await client.receiveAll()
                #expect(response.hasSuffix(">\ntooLong(limit: 100)\n"))
            }
        }
    }

    @Test func halfALineIsAnErrorAndAConnectionsEndIsHeard() async throws {
        let (events, event) = AsyncStream.makeStream(of: String.self)
        let handler: @Sendable (LineConnection) async throws -> Void = { connection in
            connection.onClose { event.yield("closed") }
            do { try await echo(connection) } catch { event.yield("\(error)") }
        }
        try await withLines(handler: handler) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send("half")
            client.close()
            var heard: [String] = []
            for await event in events {
                heard.append(event)
                if heard.count == 2 { break }
            }
            #expect(heard == ["closed", "closed"])
        }
    }

    @Test func cancellingAReaderLeavesTheConnectionOpen() async throws {
        try await withLines(handler: echo) { address, loop, _ in
            let connection = try await LineConnection.connect(to: address, on: loop)
            let reader = Task { try await connection.lines.first { _ in true } }
            reader.cancel()
            await #expect(throws: CancellationError.self) { _ = try await reader.value }
            try await connection.send([0x61])
            #expect(try await connection.lines.first { _ in true } == [UInt8]("<a>"))
        }
    }

    @Test func shuttingDownLetsHandlersFinishWhatTheyHaveRead() async throws {
        let gate = Gate()
        let handler: @Sendable (LineConnection) async throws -> Void = { connection in
            for try await line in connection.lines {
                await gate.pass()
                try await connection.send(line)
            }
        }
        try await withLines(handler: handler) { address, loop, server in
            let client = try await RawClient(address, on: loop)
            try await client.send("late\n")
            await gate.waitForArrival()
            async let end: Void = server.shutDown(within: .seconds(30))
            await #expect(throws: ConnectionError.self) {
                // Refused as soon as the listener has gone.
                while true { _ = try await LineConnection.connect(to: address, on: loop) }
            }
            gate.open()
            #expect(try await client.receiveAll() == "late\n")
            await end
        }
    }

    @Test func aSocketFileIsPrivateReplacedWhenDeadAndRemovedAtTheEnd() async throws {
        let path = socketPath("file")
        let group = try EventLoopGroup(count: 1)
        defer { group.shutDown() }
        // What a killed process leaves behind.
        let dead = Task {
            let listener = try Listener(.unix(path: path), on: group.loops[0])
            _ = link(path, path + ".kept")
            return try await group.loops[0].run { listener.stop() }
        }
        try await dead.value
        #expect(rename(path + ".kept", path) == 0)

        let first = LineServer(group: group, handler: echo)
        try await first.start(on: .unix(path: path))
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)

        let second = LineServer(group: group, handler: echo)
        let error = await #expect(throws: SystemCallError.self) { try await second.start(on: .unix(path: path)) }
        #expect(error?.errno == EADDRINUSE)
        await second.shutDown(within: .seconds(1))
        #expect(access(path, F_OK) == 0)
        await first.shutDown(within: .seconds(1))
        #expect(access(path, F_OK) != 0)

        // A file that is no socket belongs to somebody else.
        #expect(close(creat(path, 0o600)) == 0)
        await #expect(throws: SystemCallError.self) { try await second.start(on: .unix(path: path)) }
        #expect(unlink(path) == 0)
    }

    @Test(
        arguments: [
            ("127.0.0.1", "127.0.0.1:80"), ("localhost", "127.0.0.1:80"), ("::1", "[::1]:80"),
            ("[fe80::1]", "[fe80::1]:80"),
            ("example.org", nil), ("", nil), ("1.2.3", nil), ("256.1.1.1", nil),
        ] as [(String, String?)])
    func addressesAreReadAndWritten(_ host: String, _ text: String?) {
        #expect(SocketAddress(host: host, port: 80)?.description == text)
    }
}
