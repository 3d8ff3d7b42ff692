import GEM
import Glibc
import Transport

/// A program that the host speaks with over a socket of its own: its standard input and output are one end of the host's
/// pair, so nothing that they say passes through here. For the loop's thread only.
///
/// What it writes to standard error is read here, at the cost of the sandbox's own processor time, and its end is kept.
final class HostedProgram: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// How much of standard error is kept, in bytes: in base64 it fits into one message.
    static let logBytes = 32 << 10

    private let context: ServerContext
    private let process: Int32
    private let socket: OpenFile
    private let errors: OutputReader
    private var log = ByteRing(capacity: HostedProgram.logBytes)
    private var status: ChildStatus?
    /// Whether it was ended from here rather than by itself.
    private var wasKilled = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Starts what `order` says, with `socket` as its standard input and output.
    ///
    /// - Throws: ``RockletException`` where it cannot be started.
    init(_ order: HostedOrder, socket: OpenFile, _ context: ServerContext) throws {
        self.context = context
        self.socket = socket
        let stderr = try Pipe()
        process = try order.program(context.environment).start([
            socket.rawValue, socket.rawValue, stderr.writer.rawValue,
        ])
        errors = OutputReader(stderr.takeReader(), on: context.loop)
        context.children.whenEnded(process) { [self] in end($0) }
        try errors.start(.init(bytes: { [weak self] in _ = self?.log.append($0) }, end: {}))
    }

    private func end(_ status: ChildStatus) {
        self.status = status
        // What it has started may hold the socket still; the host need not wait for that.
        shutdown(socket.rawValue, Int32(SHUT_RDWR))
        let waiting = waiting
        self.waiting = []
        for continuation in waiting { continuation.resume() }
    }

    /// The end of what it has written to standard error.
    func lastErrors() -> [UInt8] {
        // As far as it goes now; who writes without end is not waited for.
        errors.drain(16)
        return log.bytes
    }

    /// Ends it, unless it ends by itself within `grace`, and says how it ended.
    func end(within grace: Duration) async -> JSON {
        if status == nil, grace > .zero {
            let timer = context.loop.schedule(at: .now + grace) { [weak self] in self?.kill() }
            await ended()
            timer.cancel()
        } else {
            kill()
            await ended()
        }
        var answer: JSON.Object = ["by_itself": .bool(!wasKilled)]
        switch status {
        case .exited(let code)?: answer["exit_code"] = .number(.init(Int(code)))
        case .signalled(let signal)?: answer["signal"] = .number(.init(Int(signal)))
        case nil: break
        }
        answer["log"] = .string(String(decoding: Base64.encode(lastErrors()), as: UTF8.self))
        return .object(answer)
    }

    private func ended() async {
        guard status == nil else { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Ends it at once, with everything that it has started.
    func kill() {
        guard status == nil else { return }
        wasKilled = true
        let others = ProcessTable.descendants(of: process)
        Glibc.kill(-process, SIGKILL)
        Glibc.kill(process, SIGKILL)
        for other in others { Glibc.kill(other, SIGKILL) }
    }
}

/// What a hosted program is: `{"command": […], "env": {…}, "cwd": "…", "user": "…"}`.
struct HostedOrder {
    let arguments: [String]
    let variables: [(name: String, value: String)]
    let directory: String?
    let user: String

    /// - Throws: ``RockletException`` of kind `value` where a member is missing or of another type.
    init(_ json: JSON) throws(RockletException) {
        guard let arguments = json["command"]?.array?.compactMap(\.string), !arguments.isEmpty,
            arguments.count == json["command"]?.array?.count, let user = json["user"]?.string
        else { throw RockletException(.value, "'run' needs a command, a list of texts, and a user.") }
        var variables: [(name: String, value: String)] = []
        for member in json["env"]?.object?.members ?? [] {
            guard let value = member.value.string, ProcessEnvironment.isValid(name: member.name, value: value) else {
                throw RockletException(.value, "\(PythonText.quoted(member.name)) cannot be a variable.")
            }
            variables.append((member.name, value))
        }
        (self.arguments, self.variables, self.user) = (arguments, variables, user)
        directory = json["cwd"]?.string
    }

    func program(_ own: ProcessEnvironment) throws(RockletException) -> Program {
        let account = try UserAccount.find(user)
        return Program(
            arguments: arguments, environment: own.adding(account.variables).adding(variables), directory: directory,
            account: account)
    }
}

/// The hosted program of a sandbox; there is one at a time. For the loop's thread only.
final class HostedPrograms: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    private let context: ServerContext
    private(set) var current: HostedProgram?

    init(_ context: ServerContext) { self.context = context }

    /// Starts a program; whoever holds the connection that asked for it ends it by closing that.
    func run(_ json: JSON, socket: OpenFile?) throws -> HostedProgram {
        guard let socket else { throw RockletException(.value, "'run' needs a socket for the program.") }
        let program = try HostedProgram(try HostedOrder(json), socket: socket, context)
        current?.kill()
        current = program
        return program
    }

    /// The program that runs or ran last.
    ///
    /// - Throws: ``RockletException`` of kind `key` where none was started.
    func latest() throws(RockletException) -> HostedProgram {
        guard let current else { throw RockletException(.key, "No program was started here.") }
        return current
    }
}
