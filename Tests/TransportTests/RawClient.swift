import Testing

@testable import Transport

/// A client that sends and receives bytes as they are.
final class RawClient: Sendable {
    private let loop: EventLoop
    private let socket: StreamSocket

    init(_ address: SocketAddress, on loop: EventLoop) async throws {
        self.loop = loop
        socket = try await loop.hop { try await StreamSocket.connect(to: address, on: loop, within: .seconds(10)) }
    }

    deinit { close() }

    func send(_ bytes: [UInt8]) async throws {
        try await loop.hop { [socket] in try await socket.sendAll(bytes, patience: .seconds(30)) }
    }

    func send(_ text: String) async throws { try await send([UInt8](text)) }

    /// What comes next, at most 64 KiB; empty at the end.
    func receive() async throws -> [UInt8] {
        try await loop.hop { [socket, loop] in
            while true {
                if let count = try socket.receive(into: loop.scratch) { return Array(loop.scratch[..<count]) }
                try await socket.waitUntilReadable(until: .now + .seconds(30))
            }
        }
    }

    /// Everything until the server closes; without the `Date` lines, which nobody can foretell.
    func receiveAll() async throws -> String {
        var bytes: [UInt8] = []
        while case let more = try await receive(), !more.isEmpty { bytes += more }
        return Self.withoutDates(bytes)
    }

    /// Everything up to and with `end`.
    func receive(through end: String) async throws -> String {
        var bytes: [UInt8] = []
        while !String(decoding: bytes, as: UTF8.self).hasSuffix(end) {
            let more = try await receive()
            try #require(!more.isEmpty, "the server closed after \(String(decoding: bytes, as: UTF8.self))")
            bytes += more
        }
        return Self.withoutDates(bytes)
    }

    func finishSending() async throws { try await loop.hop { [socket] in socket.finishSending() } }

    func close() { loop.execute { [socket] in socket.close() } }

    private static func withoutDates(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("Date: ") }.joined(separator: "\r\n")
    }
}

/// Serves with `handler` while `body` runs, then shuts everything down, whatever happens.
func withServer<Result: Sendable>(
    loops: Int = 1, _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
    handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse,
    _ body: (SocketAddress, EventLoop, HTTPServer) async throws -> Result
) async throws -> Result {
    let group = try EventLoopGroup(count: loops)
    let server = HTTPServer(configuration: configuration, group: group, handler: handler)
    let clients = try EventLoop(name: "clients")
    let result: Swift.Result<Result, any Error>
    do {
        let address = try await server.start(on: .anyLoopbackPort)
        result = .success(try await body(address, clients, server))
    } catch {
        result = .failure(error)
    }
    await server.shutDown(within: .seconds(5))
    clients.shutDown()
    group.shutDown()
    return try result.get()
}
