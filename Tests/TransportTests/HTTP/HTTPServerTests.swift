import Glibc
import Synchronization
import Testing

@testable import Transport

/// Answers method, path and body; `/empty` with 204, `/unread` without reading, `/stream` in two pieces, `/cut` with a
/// broken stream.
@Sendable private func echo(_ request: HTTPRequest) async -> HTTPResponse {
    switch request.path {
    case "/empty": return HTTPResponse(204)
    case "/unread": return .text(.ok, "unread")
    case "/stream":
        return HTTPResponse(
            body: .stream { writer in
                try await writer.write([UInt8]("hello, "))
                try await writer.write([])
                try await writer.write([UInt8]("world"))
            })
    case "/cut":
        return HTTPResponse(
            body: .stream { writer in
                try await writer.write([UInt8]("half"))
                throw CancellationError()
            })
    case "/split":
        return HTTPResponse(headers: [HTTPField("X", "a\r\nSet-Cookie: b"), HTTPField("Content-Length", "9")])
    default:
        do {
            let body = try await request.body.collect(upTo: 64)
            return HTTPResponse(
                body: .bytes([UInt8]("\(request.method) \(request.path) \(String(decoding: body, as: UTF8.self))")))
        } catch {
            return HTTPResponse(413, body: .bytes([UInt8]("too much")))
        }
    }
}

private func answer(_ body: String, _ status: String = "200 OK", close: Bool = false, keep: Bool = false) -> String {
    let connection = close ? "Connection: close\r\n" : keep ? "Connection: keep-alive\r\n" : ""
    return "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(connection)\r\n\(body)"
}

@Suite(.timeLimit(.minutes(1)))
struct HTTPServerTests {
    private static let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    private static let lastAnswer = answer("GET /last ", close: true)

    /// What a client sends on one connection, and everything it gets until the server closes it.
    private static let exchanges: [(String, String)] = [
        (last, lastAnswer),
        ("GET /a%20b?c HTTP/1.1\r\nHost: a\r\n\r\n" + last, answer("GET /a b ") + lastAnswer),
        (
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n" + last,
            answer("GET /1 ") + answer("GET /2 ") + lastAnswer
        ),
        ("GET / HTTP/1.0\r\n\r\n", answer("GET / ", close: true)),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + last, answer("GET / ", keep: true) + lastAnswer),
        ("GET http://h/p HTTP/1.1\r\nHost: h\r\n\r\n" + last, answer("GET /p ") + lastAnswer),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n" + last,
            answer("POST / hello") + lastAnswer
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\nT: t\r\n\r\n"
                + last,
            answer("POST / hello") + lastAnswer
        ),
        (
            "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + last,
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" + lastAnswer
        ),
        ("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n" + last, "HTTP/1.1 204 No Content\r\n\r\n" + lastAnswer),
        // A handler may leave a body unread: what is small is dropped, and the connection goes on.
        (
            "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + last,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nunread" + lastAnswer
        ),
        (
            "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n" + last,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhello, \r\n5\r\nworld\r\n0\r\n\r\n" + lastAnswer
        ),
        (
            "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello, world"
        ),
        (
            "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + last,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + lastAnswer
        ),
        (
            "GET /cut HTTP/1.1\r\nHost: a\r\n\r\n" + last,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
        ),
        // What a handler passes on cannot begin another line, nor disagree about the length.
        (
            "GET /split HTTP/1.1\r\nHost: a\r\n\r\n" + last,
            "HTTP/1.1 200 OK\r\nX: a  Set-Cookie: b\r\nContent-Length: 0\r\n\r\n" + lastAnswer
        ),
        // More than the handler takes, and less: the handler's own answer.
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n\(String(repeating: "x", count: 65))" + last,
            answer("too much", "413 Content Too Large") + lastAnswer
        ),
    ]

    @Test(arguments: 0..<exchanges.count) func answers(_ number: Int) async throws {
        let (request, response) = Self.exchanges[number]
        try await withServer(handler: echo) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send(request)
            #expect(try await client.receiveAll() == response)

            let slow = try await RawClient(address, on: loop)
            // The server may cut the connection before the last byte.
            for byte in [UInt8](request) { try? await slow.send([byte]) }
            #expect(try await slow.receiveAll() == response)
        }
    }

    /// What is refused is answered with a status and closed; what follows it is never looked at.
    @Test(
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
            ("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 413),
            ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 70_000))\r\n\r\n", 431),
            ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ] as [(String, Int)])
    func refuses(_ request: String, _ status: Int) async throws {
        try await withServer(handler: echo) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send(request + Self.last + Self.last)
            let response = try await client.receiveAll()
            #expect(response.hasPrefix("HTTP/1.1 \(status) "))
            #expect(response.components(of: "Connection: close\r\n") == 2)
        }
    }

    @Test func saysContinueWhenTheBodyIsWanted() async throws {
        let head = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        try await withServer(handler: echo) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send("POST / HTTP/1.1\r\n\(head)")
            #expect(try await client.receive(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send("hello" + Self.last)
            #expect(try await client.receiveAll() == answer("POST / hello") + Self.lastAnswer)

            // Nobody wants it: nobody knows whether it will come, so the connection ends.
            let unwanted = try await RawClient(address, on: loop)
            try await unwanted.send("POST /unread HTTP/1.1\r\n\(head)")
            #expect(try await unwanted.receiveAll().contains("Connection: close\r\n"))
        }
    }

    /// Each is a client that stops in the middle, and how long the server bears it.
    @Test(arguments: [
        ("GET / HT", "HTTP/1.1 408 "), ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe", "HTTP/1.1 408 "),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", "HTTP/1.1 408 "), ("", ""),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "),
    ])
    func slowClientsAreGivenUp(_ beginning: String, _ answer: String) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.headTimeout = .milliseconds(1500)
        configuration.bodyTimeout = .milliseconds(1500)
        configuration.idleTimeout = .milliseconds(1500)
        try await withServer(configuration, handler: echo) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send(beginning)
            let response = try await client.receiveAll()
            #expect(answer.isEmpty ? response.isEmpty : response.hasPrefix(answer))
        }
    }

    @Test func bodiesBeyondTheServersLimitAreRefusedWhateverTheHandlerSays() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maximumBodyBytes = 10
        try await withServer(configuration, handler: echo) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n2\r\n12\r\n0\r\n\r\n"
            )
            #expect(try await client.receiveAll().hasPrefix("HTTP/1.1 413 "))
        }
    }

    /// The answer must survive although the client goes on sending what nobody reads.
    @Test func theAnswerArrivesAlthoughTheBodyIsNotRead() async throws {
        try await withServer(handler: echo) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            let body = [UInt8](repeating: 0x78, count: 2_000_000)
            try await client.send("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n")
            try await client.send(body)
            let response = try await client.receiveAll()
            #expect(response.hasSuffix("unread") && response.contains("Connection: close"))
        }
    }

    @Test func largeBodiesStreamThroughBothWays() async throws {
        let size = 20_000_000
        let handler: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
            HTTPResponse(
                body: .stream { writer in
                    for _ in 0..<(size / 100_000) { try await writer.write([UInt8](repeating: 7, count: 100_000)) }
                })
        }
        try await withServer(handler: handler) { address, loop, _ in
            let client = HTTPClient(address, on: loop)
            let count = try await client.exchange(HTTPClientRequest("GET", "/")) { _, _, chunks in
                var count = 0
                for try await chunk in chunks { count += chunk.count }
                return count
            }
            #expect(count == size)
        }
        let counting: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
            do {
                var count = 0
                for try await chunk in request.body { count += chunk.count }
                return .text(.ok, "\(count)")
            } catch {
                return .text(.internalServerError, "\(error)")
            }
        }
        try await withServer(handler: counting) { address, loop, _ in
            let request = HTTPClientRequest("POST", "/", body: [UInt8](repeating: 1, count: size))
            let response = try await HTTPClient(address, on: loop).send(request)
            #expect(String(decoding: response.body, as: UTF8.self) == "\(size)")
        }
    }

    /// A writer whose client does not read waits, and learns when the client goes.
    @Test func aStreamStopsWhenItsClientGoes() async throws {
        let (ends, end) = AsyncStream.makeStream(of: String.self)
        let handler: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
            HTTPResponse(
                body: .stream { writer in
                    do {
                        while true { try await writer.write([UInt8](repeating: 0, count: 1_000_000)) }
                    } catch {
                        end.yield(error is ConnectionError ? "connection" : "\(error)")
                        throw error
                    }
                })
        }
        try await withServer(handler: handler) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await client.receive()
            client.close()
            #expect(await ends.first { _ in true } == "connection")
        }
    }

    /// A client that leaves while its handler runs cancels the handler, and ends what was leased to the connection.
    @Test func aClientThatLeavesCancelsItsHandlerAndEndsItsLeases() async throws {
        let (events, event) = AsyncStream.makeStream(of: String.self)
        let handler: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
            request.connection.onClose { event.yield("lease ended") }
            let token = request.connection.onClose { event.yield("never") }
            request.connection.removeOnClose(token)
            event.yield("running")
            do {
                try await request.connection.loop.sleep(until: .now + .seconds(3600))
            } catch {
                event.yield("cancelled")
            }
            return .text(.ok, "")
        }
        try await withServer(handler: handler) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            var heard: [String] = []
            for await event in events {
                heard.append(event)
                if event == "running" { client.close() }
                if event == "lease ended" { break }
            }
            #expect(heard == ["running", "cancelled", "lease ended"])
        }
    }

    @Test func shuttingDownFinishesWhatIsInFlightAndRefusesTheRest() async throws {
        let gate = Gate()
        let handler: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
            if request.path == "/wait" { await gate.pass() }
            return .text(.ok, "done")
        }
        try await withServer(loops: 2, handler: handler) { address, loop, server in
            let idle = try await RawClient(address, on: loop)
            try await idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await idle.receive(through: "done")
            let busy = try await RawClient(address, on: loop)
            try await busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            await gate.waitForArrival()

            async let end: Void = server.shutDown(within: .seconds(30))
            #expect(try await idle.receiveAll() == "")
            // Each loop stops to listen in its own time; until the last has, a client is taken only to be let go.
            while let late = try? await RawClient(address, on: loop) { _ = try? await late.receiveAll() }
            gate.open()
            #expect(try await busy.receiveAll().contains("Connection: close"))
            await end
        }
    }

    @Test func shuttingDownCutsOffWhatTakesTooLong() async throws {
        let (events, event) = AsyncStream.makeStream(of: Bool.self)
        let handler: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
            event.yield(true)
            // Ends early only when cancelled, and that is what is tested.
            try? await request.connection.loop.sleep(until: .now + .seconds(3600))
            return .text(.ok, "")
        }
        try await withServer(handler: handler) { address, loop, server in
            let client = try await RawClient(address, on: loop)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = await events.first { $0 }
            await server.shutDown(within: .milliseconds(10))
            #expect(try await client.receiveAll() == "")
        }
    }

    @Test func anAddressInUseIsRefusedEvenWhenPortsAreShared() async throws {
        try await withServer(loops: 2, handler: echo) { address, _, _ in
            try await withServer(loops: 2, handler: echo) { _, _, second in
                let error = await #expect(throws: SystemCallError.self) { try await second.start(on: address) }
                #expect(error?.errno == EADDRINUSE)
            }
        }
    }

    @Test func whoComesOnTopOfTheLimitIsTurnedAway() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maximumConnectionsPerLoop = 1
        try await withServer(configuration, handler: echo) { address, loop, _ in
            let first = try await RawClient(address, on: loop)
            try await first.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await first.receive(through: "GET /1 ")
            let second = try await RawClient(address, on: loop)
            #expect(try await second.receiveAll().hasPrefix("HTTP/1.1 503 "))
            try await first.send(Self.last)
            #expect(try await first.receiveAll() == Self.lastAnswer)
        }
    }

    @Test func manyClientsAtOnceEachGetTheirOwnAnswers() async throws {
        try await withServer(loops: 2, handler: echo) { address, loop, _ in
            let client = HTTPClient(address, on: loop)
            let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        var wrong = 0
                        for turn in 0..<20 {
                            let request = HTTPClientRequest("POST", "/\(number)", body: [UInt8]("\(turn)"))
                            let response = try await client.send(request)
                            if response.body != [UInt8]("POST /\(number) \(turn)") { wrong += 1 }
                        }
                        return wrong
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(wrong == 0)
        }
    }

    @Test func servesAUnixSocketAndRemovesItsFile() async throws {
        let path = "/tmp/transport-http-\(getpid()).sock"
        let group = try EventLoopGroup(count: 2)
        defer { group.shutDown() }
        let server = HTTPServer(group: group, handler: echo)
        let address = try await server.start(on: .unix(path: path))
        let response = try await HTTPClient(address, on: group.loops[1]).send(HTTPClientRequest("GET", "/x"))
        #expect(response.body == [UInt8]("GET /x "))
        await server.shutDown(within: .seconds(5))
        #expect(access(path, F_OK) != 0)
    }

    /// Whatever a client sends, the server answers it or closes, and goes on serving others.
    @Test(arguments: 0..<4 as Range<UInt64>) func garbageHarmsNobody(_ seed: UInt64) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.headTimeout = .milliseconds(50)
        configuration.bodyTimeout = .milliseconds(50)
        try await withServer(configuration, handler: echo) { address, loop, _ in
            var generator = SeededGenerator(seed: seed)
            for _ in 0..<100 {
                let (request, _) = Self.exchanges.randomElement(using: &generator) ?? ("", "")
                let client = try await RawClient(address, on: loop)
                let bytes = [UInt8](request).mutated(&generator, alphabet: [UInt8]("\r\n :;0aHTP/1.\u{0}"))
                // The server may have closed before everything was sent.
                try? await client.send(bytes)
                try? await client.finishSending()
                _ = try? await client.receiveAll()
            }
            let response = try await HTTPClient(address, on: loop).send(HTTPClientRequest("GET", "/alive"))
            #expect(response.body == [UInt8]("GET /alive "))
        }
    }
}

extension String {
    fileprivate func components(of separator: String) -> Int { split(separator: separator).count }
}
