import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct HTTPProxyTests {
    /// Serves with `upstream`, behind a proxy.
    private func withProxy<Result: Sendable>(
        _ options: HTTPProxy.Options = HTTPProxy.Options(),
        upstream: @escaping @Sendable (HTTPRequest) async -> HTTPResponse,
        _ body: (SocketAddress, EventLoop) async throws -> Result
    ) async throws -> Result {
        try await withServer(handler: upstream) { inner, _, _ in
            try await withServer(handler: { request in
                do {
                    let socket = try await StreamSocket.connect(
                        to: inner, on: request.connection.loop, within: .seconds(5))
                    return try await HTTPProxy.forward(request, over: socket, options)
                } catch {
                    return .text(502, "\(error)")
                }
            }) { address, loop, _ in try await body(address, loop) }
        }
    }

    @Test func passesOnRequestsAndAnswers() async throws {
        var options = HTTPProxy.Options()
        options.target = "/inside?q"
        options.headers = [HTTPField("X-Added", "1")]
        options.withheld = ["x-key"]
        options.rewrite = { $0.name == "Location" ? HTTPField($0.name, "/outside" + $0.value) : $0 }
        try await withProxy(
            options,
            upstream: { request in
                let names = request.headers.fields.map { "\($0.name.lowercased())=\($0.value)" }.sorted()
                let body = (try? await request.body.collect(upTo: 1 << 20)) ?? []
                return HTTPResponse(
                    201,
                    headers: [
                        HTTPField("Location", "/x"), HTTPField("Keep-Alive", "timeout=5"),
                        HTTPField("Content-Type", "a/b"),
                    ],
                    body: .bytes([UInt8]("\(request.method) \(request.target) \(names) ") + body))
            }
        ) { address, loop in
            let client = HTTPClient(address, host: "h", on: loop)
            let fields = [
                HTTPField("X-Key", "secret"), HTTPField("Connection", "x-own"), HTTPField("X-Own", "1"),
                HTTPField("TE", "trailers"), HTTPField("Proxy-Authorization", "p"), HTTPField("Accept", "c/d"),
            ]
            let response = try await client.send(HTTPClientRequest("PATCH", "/a", headers: fields, body: [0x21]))
            #expect(response.status == 201)
            #expect(response.headers["location"] == "/outside/x" && response.headers["content-type"] == "a/b")
            #expect(response.headers["keep-alive"] == nil && response.headers["content-length"] != nil)
            #expect(
                String(decoding: response.body, as: UTF8.self)
                    == #"PATCH /inside?q ["accept=c/d", "connection=close", "content-length=1", "host=h", "x-added=1"] !"#
            )
        }
    }

    @Test(arguments: ["GET", "HEAD"], [200, 204, 304] as [HTTPStatus])
    func keepsAnswersWithoutBodiesApart(_ method: String, _ status: HTTPStatus) async throws {
        try await withProxy(upstream: { _ in HTTPResponse(status, body: .bytes([1, 2, 3])) }) { address, loop in
            let client = HTTPClient(address, on: loop)
            for _ in 0..<2 {
                let response = try await client.send(HTTPClientRequest(method, "/"))
                #expect(response.status == status)
                #expect(response.body.count == (method == "GET" && status == .ok ? 3 : 0))
                #expect(status != .ok || response.headers["content-length"] == "3")
            }
        }
    }

    /// Each piece of an endless answer reaches the client before the next is made.
    @Test func streamsPieceByPiece() async throws {
        let (pieces, more) = AsyncStream.makeStream(of: String.self)
        try await withProxy(upstream: { _ in
            HTTPResponse(
                headers: [HTTPField("Content-Type", "text/event-stream")],
                body: .stream { writer in for await piece in pieces { try await writer.write([UInt8](piece)) } })
        }) { address, loop in
            try await HTTPClient(address, on: loop).exchange(HTTPClientRequest("GET", "/")) { _, _, body in
                var body = body
                for piece in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
                    more.yield(piece)
                    let received = try await body.next()
                    #expect(received == [UInt8](piece))
                }
                more.finish()
                let end = try await body.next()
                #expect(end == nil)
            }
        }
    }

    @Test(arguments: [0, 5, 4_000_000], [true, false])
    func streamsBodies(_ count: Int, _ isChunked: Bool) async throws {
        let bytes = patterned(count)
        try await withProxy(upstream: { request in
            do {
                let body = try await request.body.collect(upTo: .max)
                return HTTPResponse(body: .stream { writer in try await writer.write(body) })
            } catch {
                return .text(500, "\(error)")
            }
        }) { address, loop in
            var request = HTTPClientRequest("POST", "/")
            request.upload = HTTPUpload(length: isChunked ? nil : count) { try await $0.write(bytes) }
            let response = try await HTTPClient(address, on: loop).send(request)
            #expect(response.body == bytes)
        }
    }

    /// The upstream answers before the client has sent everything: the client hears it at once.
    @Test func passesOnAnEarlyAnswer() async throws {
        try await withProxy(upstream: { _ in .text(413, "enough") }) { address, loop in
            let client = try await RawClient(address, on: loop)
            try await client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\nsome")
            let answer = try await client.receive(through: "enough")
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func passesWebSocketsThrough() async throws {
        try await withProxy(upstream: { request in
            var configuration = WebSocketConfiguration()
            configuration.subprotocols = ["b"]
            return .webSocket(configuration) { socket in
                try await socket.send(text: "at once")
                for try await message in socket { try await socket.send(binary: message.bytes + [0]) }
            }
        }) { address, loop in
            var configuration = WebSocketConfiguration()
            configuration.subprotocols = ["a", "b"]
            let socket = try await WebSocket.connect(to: address, target: "/", on: loop, configuration: configuration)
            #expect(socket.subprotocol == "b")
            var messages = socket.makeAsyncIterator()
            #expect(try await messages.next() == .text([UInt8]("at once")))
            for count in [0, 100, 1_000_000] {
                try await socket.send(binary: patterned(count))
                #expect(try await messages.next() == .binary(patterned(count) + [0]))
            }
        }
    }

    /// What an upstream may do that is none of HTTP, and what the client is told.
    @Test(arguments: [
        ("", "502"), ("garbage\r\n\r\n", "502"), ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "502"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "cut"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab", "502"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "cut"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "200 ab"),
        ("HTTP/1.0 200 OK\r\n\r\nab", "200 ab"),
        ("HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n\r\n", "200 ab"),
    ])
    func believesNoUpstream(_ answer: String, _ result: String) async throws {
        try await withServer(handler: { request in
            do {
                let (near, far) = try await Self.pair(on: request.connection.loop)
                try await far.sendAll([UInt8](answer), patience: .seconds(5))
                far.finishSending()
                return try await HTTPProxy.forward(request, over: near)
            } catch {
                return .text(502, "\(error)")
            }
        }) { address, loop, _ in
            let client = HTTPClient(address, on: loop)
            do {
                let response = try await client.send(HTTPClientRequest("GET", "/"))
                let text = String(decoding: response.body, as: UTF8.self)
                #expect((response.status == 502 ? "502" : "\(response.status.rawValue) \(text)") == result)
            } catch {
                #expect(result == "cut", "\(error)")
            }
        }
    }

    static func pair(on loop: EventLoop) async throws -> (StreamSocket, StreamSocket) {
        let listener = try Listener(.anyLoopbackPort, on: loop)
        let near = try await StreamSocket.connect(to: listener.address, on: loop, within: .seconds(5))
        let far: StreamSocket = try await withCheckedThrowingContinuation { continuation in
            do {
                try listener.start { descriptor, _ in
                    let socket = StreamSocket(descriptor, on: loop)
                    listener.stop()
                    continuation.resume(
                        with: Result {
                            try socket.watch(); return socket
                        })
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
        return (near, far)
    }
}
