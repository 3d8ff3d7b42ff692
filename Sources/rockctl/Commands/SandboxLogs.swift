import GEM
import Transport

private let follow = Option.flag("follow", letter: "f", summary: "Go on as it says more, until the sandbox ends")

extension Command {
    /// `rockctl sandbox logs`.
    static let sandboxLogs: Command = .init(
        "logs", summary: "Show what a sandbox's first process has said",
        discussion: """
            That process is the agent: it says when sessions end badly and why the sandbox ends. What programs write goes \
            to whoever runs them.
            """,
        options: [follow] + ServerAccess.options, positionals: [SandboxArgument.one],
        examples: [.init("rockctl sandbox logs -f 3f2a", "Until the sandbox ends, or Ctrl-C.")],
        catchesSignals: true
    ) { call in
        let server = try await ServerAccess.open(call)
        let id = try await SandboxArgument.resolve(call[SandboxArgument.one], server)
        let console = call.console
        guard call[follow] else {
            try await server.stream(HTTPClientRequest("GET", ServerClient.path(of: id, "/log"))) { _, body in
                for try await piece in body { try console.write(bytes: piece) }
            }
            return .success
        }
        let socket = try await server.webSocket(ServerClient.path(of: id, "/log/follow"))
        try await Interrupted.watching {
            defer { socket.close() }
            do {
                for try await message in socket {
                    guard case .binary(let bytes) = message else { continue }
                    try await BlockingPool.run { try console.write(bytes: bytes) }
                }
            } catch is ConnectionError {
                // A sandbox that is killed says no goodbye; whether it was that is asked below.
            } catch is WebSocketError {}
        }
        // It may have ended a moment ago, and the server not heard of it yet.
        let status = try await SandboxWaiting.wait(
            for: id, states: ["stopped", "deleted", "archived"], .seconds(5), server)
        guard status["state"]?.string != "running" else {
            throw CommandError(.failure, "the connection broke off; sandbox \(id) still runs")
        }
        return .success
    }
}
