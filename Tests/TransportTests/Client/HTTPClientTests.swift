import CLinux
import Glibc
import Testing

@testable import Transport

/// What a client makes of a server that sends `pieces` and closes.
private func exchange(
    _ pieces: [ArraySlice<UInt8>], method: String = "GET", on loop: EventLoop
) async throws -> String {
    let pair = try StreamPair()
    let near = OwnedDescriptor(dup(pair.near))
    let socket = StreamSocket(near, on: loop)
    async let outcome = loop.hop {
        try socket.watch()
        let connection = HTTPClientConnection(socket, HTTPClientConfiguration())
        defer { connection.close() }
        do {
            try await connection.send(HTTPClientRequest(method, "/"), host: "h")
            var body: [UInt8] = []
            for try await chunk in connection.body { body += chunk }
            let text = String(decoding: body, as: UTF8.self)
            return "\(connection.head.status.rawValue) \(text)"
        } catch let error as HTTPError {
            return "error \(error.status.rawValue)"
        } catch ConnectionError.closed {
            return "closed"
        }
    }
    for piece in pieces where !piece.isEmpty {
        let bytes = Array(piece)
        #expect(rock_send(pair.far, bytes, bytes.count) == bytes.count)
    }
    shutdown(pair.far, Int32(SHUT_WR))
    return try await outcome
}

@Suite(.timeLimit(.minutes(1)))
struct HTTPClientTests {
    /// What a server sends before it closes, and what a client makes of it.
    static let answers: [(String, String)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello"),
        ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 "),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200 hello"),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", "200 until the end"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx", "404 x"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204 "),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "304 "),
        ("", "closed"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "closed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "closed"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "closed"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n", "error 400"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "error 400"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello", "error 400"),
        ("HTTP/1.1 20 OK\r\n\r\n", "error 502"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "error 502"),
        ("HTTP/1.1 099 OK\r\n\r\n", "error 502"),
        ("HTTP/2.0 200 OK\r\n\r\n", "error 505"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "error 400"),
    ]

    @Test func answersAreReadAndSplittingChangesNothing() async throws {
        try await withLoop { loop in
            for (answer, expected) in Self.answers {
                let bytes = [UInt8](answer)
                #expect(try await exchange([bytes[...]], on: loop) == expected, "\(answer)")
                for split in bytes.splits {
                    let outcome = try await exchange(split, on: loop)
                    if outcome != expected { Issue.record("\(answer): \(outcome)") }
                }
            }
        }
    }

    @Test func anAnswerToHeadHasNoBody() async throws {
        try await withLoop { loop in
            let answer = [UInt8]("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            let outcome = try await exchange([answer[...]], method: "HEAD", on: loop)
            #expect(outcome == "200 ")
        }
    }

    /// Connections are kept, and one that the server has closed meanwhile is not used again.
    @Test func connectionsAreKeptWhileTheyLast() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maximumRequestsPerConnection = 3
        let handler: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
            .text(.ok, "\(ObjectIdentifier(request.connection).hashValue)")
        }
        try await withServer(configuration, handler: handler) { address, loop, _ in
            let client = HTTPClient(address, on: loop)
            var connections: [[UInt8]] = []
            for _ in 0..<9 { connections.append(try await client.send(HTTPClientRequest("POST", "/")).body) }
            #expect(connections[0] == connections[1] && connections[1] == connections[2])
        }
    }

    @Test func cancellingGivesTheExchangeUp() async throws {
        let (events, event) = AsyncStream.makeStream(of: Bool.self)
        let handler: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
            event.yield(true)
            // Ended by the cancellation that the client's going brings about.
            try? await request.connection.loop.sleep(until: .now + .seconds(3600))
            return .text(.ok, "")
        }
        try await withServer(handler: handler) { address, loop, _ in
            let client = HTTPClient(address, on: loop)
            let task = Task { try await client.send(HTTPClientRequest("GET", "/")) }
            _ = await events.first { $0 }
            task.cancel()
            await #expect(throws: CancellationError.self) { _ = try await task.value }
        }
    }

    @Test func nobodyThereAndTooMuchAreNamed() async throws {
        try await withLoop { loop in
            // Bound and closed again: nobody listens there.
            let address = try Listener(.anyLoopbackPort, on: loop).address
            let error = await #expect(throws: ConnectionError.self) {
                _ = try await HTTPClient(address, on: loop).send(HTTPClientRequest("GET", "/"))
            }
            guard case .failed(let failure) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(failure.errno == ECONNREFUSED)
        }
        try await withServer(handler: { _ in .text(.ok, "12345") }) { address, loop, _ in
            let error = await #expect(throws: HTTPError.self) {
                _ = try await HTTPClient(address, on: loop).send(HTTPClientRequest("GET", "/"), limit: 4)
            }
            #expect(error?.status == 413)
        }
    }
}
