import Testing

@testable import Transport

/// Echoes messages; asked to, it closes or fails.
@Sendable private func echo(_ request: HTTPRequest) async -> HTTPResponse {
    var configuration = WebSocketConfiguration()
    configuration.maximumMessageBytes = 1_000_000
    configuration.subprotocols = ["two", "one"]
    configuration.closeTimeout = .milliseconds(50)
    if request.path == "/pinged" { configuration.pingInterval = .milliseconds(20) }
    return .webSocket(configuration) { socket in
        for try await message in socket {
            switch message {
            case .text(let bytes) where bytes == [UInt8]("close"): socket.close(WebSocketCloseCode(rawValue: 4001))
            case .text(let bytes) where bytes == [UInt8]("return"): return
            case .text(let bytes) where bytes == [UInt8]("throw"): throw CancellationError()
            case .text(let bytes): try await socket.send(text: bytes)
            case .binary(let bytes): try await socket.send(binary: bytes)
            }
        }
    }
}

private let handshake =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

@Suite(.timeLimit(.minutes(1)))
struct WebSocketTests {
    @Test func messagesOfEveryLengthComeBack() async throws {
        try await withServer(handler: echo) { address, loop, _ in
            let socket = try await WebSocket.connect(to: address, target: "/", on: loop)
            var messages = socket.makeAsyncIterator()
            for length in [0, 1, 125, 126, 127, 4096, 4097, 65_535, 65_536, 1_000_000] {
                let bytes = [UInt8](repeating: 0x62, count: length)
                try await socket.send(text: bytes)
                try await socket.send(binary: bytes)
                let text = try await messages.next()
                let binary = try await messages.next()
                #expect(text == .text(bytes) && binary == .binary(bytes), "\(length)")
            }
            socket.close()
            #expect(try await messages.next() == nil)
        }
    }

    /// A client's bytes after the handshake, and all bytes that the server sends back before it closes.
    private static let conversations: [([UInt8], [UInt8])] = [
        (frame(8, [3, 232]), frame(8, [3, 232], mask: nil)),
        (frame(8, []), frame(8, [], mask: nil)),
        (frame(9, [1, 2]) + frame(8, []), frame(10, [1, 2], mask: nil) + frame(8, [], mask: nil)),
        (frame(10, [1]) + frame(1, [97]) + frame(8, []), frame(1, [97], mask: nil) + frame(8, [], mask: nil)),
        (frame(1, [97]) + frame(1, [0xFF]), frame(1, [97], mask: nil) + frame(8, [3, 239], mask: nil)),
        (frame(1, [97], mask: nil), frame(8, [3, 234], mask: nil)),
        (frame(3, []), frame(8, [3, 234], mask: nil)),
        ([0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0], frame(8, [3, 241], mask: nil)),
        (frame(8, [3, 232]) + frame(9, [1]), frame(8, [3, 232], mask: nil)),
        // The server's own goodbye, with and without the client's.
        (frame(1, [UInt8]("close"))[...] + frame(8, [15, 161]), frame(8, [15, 161], mask: nil)),
        (frame(1, [UInt8]("close")), frame(8, [15, 161], mask: nil)),
        (frame(1, [UInt8]("return")) + frame(8, [3, 232]), frame(8, [3, 232], mask: nil)),
        (frame(1, [UInt8]("throw")) + frame(8, []), frame(8, [3, 243], mask: nil)),
    ]

    @Test(arguments: 0..<conversations.count) func converses(_ number: Int) async throws {
        let (sent, expected) = Self.conversations[number]
        try await withServer(handler: echo) { address, loop, _ in
            for pieces in [[sent[...]], sent.indices.map { sent[$0...$0] }] {
                let client = try await RawClient(address, on: loop)
                try await client.send(handshake)
                let response = try await client.receive(through: "\r\n\r\n")
                #expect(response.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
                // The server may have closed before the last byte.
                for piece in pieces { try? await client.send(Array(piece)) }
                var received: [UInt8] = []
                while case let more = try await client.receive(), !more.isEmpty { received += more }
                #expect(received == expected)
            }
        }
    }

    @Test(arguments: [
        (handshake.replacing("version: 13", "version: 8"), 426),
        (handshake.replacing("upgrade: websocket", "a: b"), 426),
        (handshake.replacing("connection: keep-alive, upgrade", "a: b"), 426),
        (handshake.replacing("dghlihnhbxbszsbub25jzq==", "short=="), 400),
        (handshake.replacing("dghlihnhbxbszsbub25jzq==", "dGhlIHNhbXBsZSBub25jZ!=="), 400),
        (handshake.replacing("get", "POST"), 400),
        (handshake.replacing("http/1.1", "HTTP/1.0"), 400),
    ])
    func refusesOtherHandshakes(_ request: String, _ status: Int) async throws {
        try await withServer(handler: echo) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send(request)
            let response = try await client.receiveAll()
            #expect(response.hasPrefix("HTTP/1.1 \(status) ") && response.contains("Sec-WebSocket-Version: 13\r\n"))
        }
    }

    @Test func agreesOnTheProtocolThatTheServerLikesBest() async throws {
        try await withServer(handler: echo) { address, loop, _ in
            for (offer, agreed) in [(["one", "two"], "two"), (["x", "one"], "one"), (["x"], nil), ([], nil)] {
                var configuration = WebSocketConfiguration()
                configuration.subprotocols = offer
                let socket = try await WebSocket.connect(
                    to: address, target: "/", on: loop, configuration: configuration)
                #expect(socket.subprotocol == agreed)
            }
            let error = await #expect(throws: HTTPError.self) {
                try await withServer(handler: { _ in HTTPResponse(403) }) { address, _, _ in
                    _ = try await WebSocket.connect(to: address, target: "/", on: loop)
                }
            }
            #expect(error?.status == 403)
        }
    }

    @Test func aServerThatShutsDownSaysSo() async throws {
        try await withServer(handler: echo) { address, loop, server in
            let client = try await RawClient(address, on: loop)
            try await client.send(handshake)
            _ = try await client.receive(through: "\r\n\r\n")
            try await client.send(frame(1, [97]))
            #expect(try await client.receive() == frame(1, [97], mask: nil))
            async let end: Void = server.shutDown(within: .seconds(30))
            #expect(try await client.receive() == frame(8, [3, 233], mask: nil))
            // Too late if the machine is very slow, and then the connection has ended all the same.
            try? await client.send(frame(8, [3, 233]))
            #expect(try await client.receive() == [])
            await end
        }
    }

    @Test func aSilentClientIsAskedAndThenGivenUp() async throws {
        try await withServer(handler: echo) { address, loop, _ in
            let client = try await RawClient(address, on: loop)
            try await client.send(handshake.replacing("GET /", "GET /pinged"))
            var received: [UInt8] = []
            while case let more = try await client.receive(), !more.isEmpty { received += more }
            let expected = [UInt8]("\r\n\r\n") + frame(9, [], mask: nil)
            #expect(Array(received.suffix(expected.count)) == expected)
        }
    }
}

extension String {
    /// This text with `old`, in any case, replaced.
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        let lowered = Array(lowercased().utf8)
        let old = Array(old.lowercased().utf8)
        guard let start = lowered.indices.first(where: { lowered[$0...].starts(with: old) }) else { return self }
        let bytes = Array(utf8)
        return String(decoding: bytes[..<start] + Array(new.utf8) + bytes[(start + old.count)...], as: UTF8.self)
    }
}
