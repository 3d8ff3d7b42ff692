import GEM
import Glibc
import Transport

/// `WS /exec`: a program whose streams travel while it runs.
///
/// The client's first message is a text, the body of ``ExecOrder``. Then binary messages go both ways, whose first byte names
/// the stream: 0 input, 1 output, 2 errors; an input message without more bytes is the input's end. Texts from the client are
/// ``TerminalControl``. The last message is a text: `{"exit_code":0,"signal":null}`, or `{"error":"…"}` where the program
/// could not be started.
struct ExecSocket: Service {
    private let context: ServerContext

    init(_ context: ServerContext) {
        self.context = context
    }

    var routes: [Route] {
        [
            Route("GET", "/exec") { [self] _ in
                .webSocket(Self.patient) { try await carry($0) }
            }
        ]
    }

    /// A program may take nothing for as long as it likes, and so may whoever reads what it writes.
    private static var patient: WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.writeTimeout = .seconds(86_400)
        configuration.pingInterval = nil
        return configuration
    }

    private func carry(_ socket: WebSocket) async throws {
        var messages = socket.makeAsyncIterator()
        guard case .text(let body)? = try await messages.next() else { return socket.close(.policyViolation) }
        let program: StreamedProgram
        do {
            let order = try ExecOrder(BodyFields(body))
            program = try StreamedProgram(
                try order.program(context.environment), terminalSize: order.terminalSize, context)
        } catch {
            try await socket.send(text: Self.refusal(error))
            return
        }
        defer { program.abandon() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await item in program.items {
                    switch item {
                    case .output(let stream, let bytes):
                        try await socket.send(binary: [stream] + bytes)
                        try program.passed(bytes.count)
                    case .ended(let status):
                        try await socket.send(text: status.json)
                    }
                }
                socket.close()
            }
            while let message = try await messages.next() {
                switch message {
                case .binary(let bytes):
                    guard bytes.first == 0 else { continue }
                    if bytes.count == 1 { program.finishInput() } else { await program.write(bytes.dropFirst()) }
                case .text(let text): program.control(try TerminalControl(text))
                }
            }
            group.cancelAll()
        }
    }

    private static func refusal(_ error: any Error) -> [UInt8] {
        let text =
            switch error {
            case let error as RockletException: error.message
            case let error as InvalidBody: error.problems.map(\.description).joined(separator: "; ")
            default: "\(error)"
            }
        return JSON.object(["error": .string(text)]).serialized
    }
}

/// What `WS /exec` is to run.
struct ExecOrder {
    let arguments: [String]
    /// On top of the image's.
    let environment: [(name: String, value: String)]
    let directory: String?
    let user: String?
    /// `nil` without a terminal.
    let terminalSize: (rows: Int, columns: Int)?

    init(_ fields: BodyFields) throws(InvalidBody) {
        var fields = fields
        if case .array? = fields["command"] {
            arguments = fields.texts("command")
        } else {
            arguments = Program.shell(fields.text("command"))
        }
        environment = fields.dictionary("env") ?? []
        if let bad = environment.first(where: { !ProcessEnvironment.isValid(name: $0.name, value: $0.value) }) {
            fields.refuse("env", "\(PythonText.quoted(bad.name)) cannot be a variable")
        }
        directory = fields.optionalText("cwd")
        user = fields.optionalText("user")
        let size = (
            fields.integer("rows", default: Terminal.defaultRows),
            fields.integer("cols", default: Terminal.defaultColumns)
        )
        if !Terminal.sizes.contains(size.0) { fields.refuse("rows", "Input should be from 1 to 4096") }
        if !Terminal.sizes.contains(size.1) { fields.refuse("cols", "Input should be from 1 to 4096") }
        terminalSize = fields.flag("tty", default: false) ? size : nil
        try fields.check()
    }

    func program(_ own: ProcessEnvironment) throws(RockletException) -> Program {
        let account: UserAccount? = if let user { try UserAccount.find(user) } else { nil }
        var variables = own.adding(account?.variables ?? [])
        if terminalSize != nil, variables["TERM"] == nil { variables["TERM"] = "xterm-256color" }
        return Program(
            arguments: arguments, environment: variables.adding(environment), directory: directory, account: account)
    }
}
