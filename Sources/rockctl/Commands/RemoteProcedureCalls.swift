import GEM
import SandboxHost

private let stdio = Option.flag("stdio", summary: "Read messages from standard input, write answers to standard output")

extension Command {
    /// `rockctl rpc`: JSON-RPC over the standard streams.
    static let remoteProcedureCalls: Command = .init(
        "rpc", summary: "Answer JSON-RPC on standard input and output",
        discussion: """
            Each line of input is a JSON-RPC 2.0 request or batch; each answer is a line, in the order of the requests. \
            What should run at the same time goes into one batch. The end of the input closes every sandbox.
            """,
        options: [stdio, Connection.isolation],
        examples: [
            .init(
                #"echo '{"jsonrpc":"2.0","id":1,"method":"list"}' | rockctl rpc --stdio"#, "One question, one answer.")
        ],
        catchesSignals: true
    ) { call in
        guard call[stdio] else {
            throw UsageError(
                at: call.path, "say how to talk", hint: "'rockctl rpc --stdio' uses standard input and output")
        }
        var input = try StandardInput()
        let limit = 8 << 20
        let server = try await EmbeddedServer(
            sandboxes: 4, isolation: MinimumIsolation(rawValue: call[Connection.isolation]) ?? .strict)
        call.console.report(server.isolation.warning ?? "")
        do {
            reading: while true {
                switch try input.line(limit: limit) {
                case .end: break reading
                case .tooLong:
                    var writer = JSONWriter()
                    writer.beginObject()
                    writer.name("jsonrpc")
                    writer.string("2.0")
                    writer.name("id")
                    writer.null()
                    writer.name("error")
                    writer.failure(
                        Failure(.tooLarge, "A message may be at most \(limit) bytes long; send a shorter one."))
                    writer.endObject()
                    try call.console.write(bytes: writer.bytes + [0x0A])
                case .line(let line):
                    guard !line.isEmpty else { continue }
                    let answer = try await server.exchange(line)
                    if !answer.isEmpty { try call.console.write(bytes: answer + [0x0A]) }
                }
            }
        } catch {
            await server.close()
            throw error
        }
        await server.close()
        return .success
    }
}
