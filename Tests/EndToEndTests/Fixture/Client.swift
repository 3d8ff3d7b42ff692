import GEM
import Testing
import Transport

/// One connection that carries JSON-RPC calls, one after the other, without a process in between: for what needs many
/// calls, or several connections at once.
final class Client: Sendable {
    private enum Door {
        case http(HTTPClient)
        case line(LineConnection)
    }

    private let door: Door

    /// A keep-alive connection to `POST /rpc`.
    init(http server: RunningServer) throws {
        var configuration = HTTPClientConfiguration()
        configuration.maximumIdleConnections = 1
        door = .http(HTTPClient(try server.address, on: testLoop, configuration: configuration))
    }

    /// A connection to the Unix socket.
    init(line server: RunningServer) async throws {
        door = .line(try await LineConnection.connect(to: .unix(path: server.rpcSocket), on: testLoop))
    }

    /// Closes the connection; so does letting go of it.
    func close() { if case .line(let connection) = door { connection.close() } }

    /// Sends one message and returns its answer.
    func exchange(_ message: JSON) async throws -> JSON {
        switch door {
        case .http(let http):
            let request = HTTPClientRequest(
                "POST", "/rpc", headers: [HTTPField("Content-Type", "application/json")], body: message.serialized)
            let answer = try await http.send(request)
            return try JSON(parsing: answer.body.span)
        case .line(let connection):
            try await connection.send(message.serialized)
            var lines = connection.lines.makeAsyncIterator()
            let line = try #require(try await lines.next(), "the server closed the connection")
            return try JSON(parsing: line.span)
        }
    }

    /// Calls a method and returns the whole answer.
    func call(_ method: String, _ params: JSON) async throws -> JSON {
        try await exchange(Self.request(method, params, id: 1))
    }

    /// Calls a method that must succeed and returns its result.
    func result(_ method: String, _ params: JSON) async throws -> JSON {
        let answer = try await call(method, params)
        return try #require(answer["result"], "\(method) \(params): \(answer)")
    }

    /// Makes an environment and returns its sandbox's id, as JSON for the calls to come.
    func make(_ params: JSON = ["env_id": "game:Sokoban-v0-easy"]) async throws -> JSON {
        try #require(try await result("make", params)["sandbox_id"])
    }

    static func request(_ method: String, _ params: JSON, id: Int) -> JSON {
        ["jsonrpc": "2.0", "id": .number(.init(id)), "method": .string(method), "params": params]
    }
}

extension JSON {
    /// `error.data.kind` of an answer that is an error.
    var kind: String? { self["error"]?["data"]?["kind"]?.string }
}

extension RunningServer {
    /// Where the HTTP server listens.
    var address: SocketAddress {
        get throws {
            let parts = url.dropFirst("http://".count).split(separator: ":")
            let port = try #require(parts.last.flatMap { UInt16($0) })
            return try #require(SocketAddress(host: String(parts[0]), port: port))
        }
    }
}
