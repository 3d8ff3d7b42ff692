import GEM
import SandboxHost

/// A client of the server that a command line names, or of one embedded for it. Whoever opens it closes it.
struct Connection: Sendable {
    let client: RPCClient
    /// Which walls stand around the sandboxes of an embedded server.
    let isolation: IsolationReport?

    static let url = Option(
        "url", .text("URL"), variable: "ROCK_BASE_URL",
        summary: "Talk to the server there, such as http://127.0.0.1:8080, instead of embedding one")
    static let isolation = Option(
        "isolation", .choice(MinimumIsolation.allCases.map(\.rawValue)), default: MinimumIsolation.bestEffort.rawValue,
        summary: "Which walls must hold around the sandboxes of an embedded server")

    /// - Parameters:
    ///   - call: Where ``url`` and ``isolation`` are asked.
    ///   - sandboxes: How many will be used at a time.
    /// - Throws: ``CommandError`` where there is no server to be had.
    init(_ call: Invocation, sandboxes: Int = 1) async throws {
        if let url = call[Self.url] {
            client = RPCClient(carrier: try await HTTPCarrier(url: url, connections: sandboxes))
            isolation = nil
        } else {
            let minimum = MinimumIsolation(rawValue: call[Self.isolation]) ?? .strict
            let server = try await EmbeddedServer(sandboxes: sandboxes, isolation: minimum)
            client = RPCClient(carrier: server)
            isolation = server.isolation
            // Weaker than all walls is never silent.
            call.console.report(server.isolation.warning ?? "")
        }
    }

    func close() async { await client.carrier.close() }

    /// Runs `body` with a client and puts everything away afterwards.
    ///
    /// - Parameters:
    ///   - call: Where ``url`` and ``isolation`` are asked.
    ///   - sandboxes: How many `body` uses at a time.
    ///   - body: Is given the client, which it must not keep.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; ``CommandError`` where there is no server to be had.
    static func use<Result: Sendable>(
        _ call: Invocation, sandboxes: Int = 1, body: @Sendable (RPCClient) async throws -> Result
    ) async throws -> Result {
        let connection = try await Connection(call, sandboxes: sandboxes)
        do {
            let result = try await body(connection.client)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }
}
