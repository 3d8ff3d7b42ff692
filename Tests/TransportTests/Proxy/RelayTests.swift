import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct RelayTests {
    /// A server that takes everything up to the end of its client's sending, and then sends all of it back.
    private func withReturner<Result: Sendable>(
        _ body: @escaping @Sendable (StreamSocket, EventLoop) async throws -> Result
    ) async throws -> Result {
        let loop = try EventLoop(name: "relay")
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(
                try await loop.hop {
                    let (near, far) = try await HTTPProxyTests.pair(on: loop)
                    async let returned: Void = Self.giveBack(far)
                    let result = try await body(near, loop)
                    near.close()
                    try await returned
                    return result
                })
        } catch {
            result = .failure(error)
        }
        loop.shutDown()
        return try result.get()
    }

    static func receiveAll(_ socket: StreamSocket) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            if let count = try socket.receive(into: socket.loop.scratch) {
                if count == 0 { return bytes }
                bytes += socket.loop.scratch[..<count]
            } else {
                try await socket.waitUntilReadable()
            }
        }
    }

    private static func giveBack(_ socket: StreamSocket) async throws {
        let bytes = try await receiveAll(socket)
        try await socket.sendAll(bytes, patience: .seconds(5))
        socket.close()
    }

    @Test(arguments: [0, 3, 6_000_000])
    func keepsASideOpenThatOnlyListens(_ count: Int) async throws {
        let bytes = patterned(count)
        try await withReturner { upstream, loop in
            let (client, middle) = try await HTTPProxyTests.pair(on: loop)
            async let relayed: Void = Relay.run(middle, Array(bytes.prefix(2)), upstream, idle: .seconds(30))
            try await client.sendAll(Array(bytes.dropFirst(2)), patience: .seconds(5))
            client.finishSending()
            #expect(try await Self.receiveAll(client) == bytes)
            try await relayed
            #expect(!upstream.isOpen && !middle.isOpen)
            client.close()
        }
    }

    @Test func givesUpOnSilence() async throws {
        let loop = try EventLoop(name: "relay")
        try await loop.hop {
            let (client, middle) = try await HTTPProxyTests.pair(on: loop)
            let (upstream, far) = try await HTTPProxyTests.pair(on: loop)
            await #expect(throws: ConnectionError.timedOut) {
                try await Relay.run(middle, [], upstream, idle: .milliseconds(20))
            }
            #expect(!upstream.isOpen && !middle.isOpen)
            client.close()
            far.close()
        }
        loop.shutDown()
    }

    @Test func carriesAConnectionOverAWebSocket() async throws {
        let bytes = patterned(500_000)
        try await withServer(handler: { request in
            .webSocket { webSocket in
                let (near, far) = try await HTTPProxyTests.pair(on: webSocket.loop)
                async let echoed: Void = Self.echo(far, upTo: bytes.count)
                try await Relay.run(webSocket, near, idle: .seconds(30))
                try await echoed
            }
        }) { address, loop, _ in
            let socket = try await WebSocket.connect(to: address, target: "/", on: loop)
            for start in stride(from: 0, to: bytes.count, by: 100_000) {
                try await socket.send(binary: Array(bytes[start..<(start + 100_000)]))
            }
            var received: [UInt8] = []
            // The other end closes once it has echoed everything, and so does the WebSocket.
            for try await message in socket { received += message.bytes }
            #expect(received == bytes)
        }
    }

    private static func echo(_ socket: StreamSocket, upTo limit: Int) async throws {
        var count = 0
        while count < limit {
            if let received = try socket.receive(into: socket.loop.scratch) {
                if received == 0 { break }
                count += received
                try await socket.sendAll(Array(socket.loop.scratch[..<received]), patience: .seconds(5))
            } else {
                try await socket.waitUntilReadable()
            }
        }
        socket.close()
    }
}
