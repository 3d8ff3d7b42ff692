import GEM
import Transport

/// A program to be run inside a sandbox with our streams, and the options that say how.
struct ProgramOrder: Sendable {
    static let interactive = Option.flag("interactive", letter: "i", summary: "Pass standard input on")
    static let tty = Option.flag("tty", letter: "t", summary: "Give it a terminal: ours, where there is one")
    static let user = Option("user", letter: "u", .text("USER"), summary: "Whose process it becomes; root by default")
    static let directory = Option(
        "cwd", letter: "w", .text("DIR"), summary: "Where it runs, as seen inside; by default where the image says")
    static let environment = ListOption(
        "env", letter: "e", .assignment(inherits: true), summary: "A variable; without a value, ours is passed on")
    static let timeout = Option("timeout", .time, summary: "Ends it after this time, with status 124")
    static let detachKeys = Option(
        "detach-keys", DetachKeys.kind, default: DetachKeys([0x10, 0x11]), variable: "ROCK_DETACH_KEYS",
        summary: "The keys that leave its terminal")
    static let words = Rest("COMMAND", .text("COMMAND"), summary: "The program and its arguments")

    static let options: [any CommandOption] = [
        interactive, tty, user, directory, environment, timeout, detachKeys,
    ]

    /// What `docker` users know: statuses that the program did not give.
    static let statuses = """
        Ends with the status of the program; with 128 and its number where a signal ended it, 124 after --timeout, 127 where \
        there is no such program, 126 where it cannot be run, and 125 where rockctl itself failed.
        """

    private let call: Invocation

    init(_ call: Invocation) { self.call = call }

    /// Runs it to its end.
    ///
    /// - Returns: Its status, which is to be ours.
    /// - Throws: ``Interrupted``; ``ClosedPipe``; ``CommandError`` where it could not be carried.
    func run(_ words: [String], in sandbox: String, _ server: ServerClient) async throws -> Int32 {
        let console = call.console
        let hasTerminal = call[Self.tty]
        if hasTerminal, call[Self.interactive], !console.inputIsTerminal {
            throw CommandError(
                .usage, "standard input is no terminal", hint: "leave -t out: then input and output pass as they are")
        }
        let socket = try await server.webSocket(ServerClient.path(of: sandbox, "/exec"))
        try await socket.send(text: order(words).serialized)
        let isInteractive = call[Self.interactive]
        if !isInteractive, !hasTerminal { try await socket.send(binary: [0]) }
        let bridge = StreamBridge(
            socket: socket, form: .program, console: console, takesInput: isInteractive, hasTerminal: hasTerminal,
            detachKeys: call[Self.detachKeys], timeout: call[Self.timeout])
        switch try await bridge.run() {
        case .exited(let status): return status
        case .refused(let reason):
            console.report("\(call.path.joined(separator: " ")): \(printable(reason, limit: 1000))\n")
            return reason.contains("No such file") || reason.contains("not found") ? 127 : 126
        case .detached:
            console.report("\ndetached: the program was ended; what should go on runs in a session, see 'attach'\n")
            return 0
        case .timedOut:
            console.report("\(call.path.joined(separator: " ")): ended after \(call[Self.timeout] ?? .zero)\n")
            return 124
        case .lost:
            throw CommandError(
                .failure, "the connection broke off before the program's end",
                hint: "'rockctl sandbox inspect \(sandbox)' says whether the sandbox still runs")
        }
    }

    private func order(_ words: [String]) -> JSON {
        var environment = JSON.Object()
        for variable in call[Self.environment] { environment[variable.name] = .string(variable.value) }
        var order: JSON.Object = [
            "command": .array(words.map(JSON.string)), "env": .object(environment), "tty": .bool(call[Self.tty]),
        ]
        if let directory = call[Self.directory] { order["cwd"] = .string(directory) }
        if let user = call[Self.user] { order["user"] = .string(user) }
        if let size = call.console.size {
            order["rows"] = .number(.init(min(size.rows, 4096)))
            order["cols"] = .number(.init(min(size.columns, 4096)))
        }
        return .object(order)
    }

    /// Turns our own failures into the status that no program of a sandbox is likely to have.
    static func guarding(_ call: Invocation, _ body: @Sendable () async throws -> Int32) async throws -> ExitCode {
        do {
            throw ProgramEnded(status: try await body())
        } catch let error as CommandError {
            call.console.report(error.text(at: call.path.joined(separator: " "), style: call.console.errorStyle))
            throw ProgramEnded(status: 125)
        }
    }
}
