import Testing

@testable import Transport

/// A client that sends and receives bytes as they are.
final class RawConnection: Sendable {
    private let socket: StreamSocket

    /// Connects, and sends `text` at once, however busy the tests are.
    init(_ address: SocketAddress, sending text: String = "") async throws {
        socket = try await testLoop.hop {
            let socket = try await StreamSocket.connect(to: address, on: testLoop, within: .seconds(10))
            if !text.isEmpty { try await socket.sendAll([UInt8](text.utf8), patience: .seconds(30)) }
            return socket
        }
    }

    deinit { testLoop.execute { [socket] in socket.close() } }

    func send(_ bytes: [UInt8]) async throws {
        try await testLoop.hop { [socket] in try await socket.sendAll(bytes, patience: .seconds(30)) }
    }

    func send(_ text: String) async throws { try await send([UInt8](text.utf8)) }

    /// Says that nothing more comes, and goes on listening.
    func finishSending() async throws { try await testLoop.hop { [socket] in socket.finishSending() } }

    /// What comes next, at most 64 KiB; empty at the end.
    func receive() async throws -> [UInt8] {
        try await testLoop.hop { [socket] in
            while true {
                if let count = try socket.receive(into: testLoop.scratch) { return Array(testLoop.scratch[..<count]) }
                try await socket.waitUntilReadable(until: .now + .seconds(60))
            }
        }
    }

    /// Everything until the server closes or breaks off.
    func receiveAll() async -> String {
        var bytes: [UInt8] = []
        while let more = try? await receive(), !more.isEmpty { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }
}
