import CLinux
import Glibc
import Transport

extension Session {
    /// Where images keep bash.
    private static let places = [
        "/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/run/current-system/sw/bin/bash",
    ]

    /// Starts bash for `request`. Call ``awaitPrompt(_:)`` next.
    ///
    /// - Throws: ``RockletException``: there is no bash, no such user, or no terminal. Nothing is left then.
    static func launch(_ request: CreateSessionRequest, _ context: ServerContext) throws -> Session {
        guard let bash = places.first(where: { access($0, X_OK) == 0 }) else {
            throw RockletException(
                .sessionNotInitialized,
                "This image has no bash, which a session is: use execute, which needs no shell, or an image with bash in it."
            )
        }
        var account: UserAccount?
        if let user = request.user, user != "root" { account = try UserAccount.find(user) }
        let terminal = try Terminal(echoes: false, on: context.loop)
        let session = Session(
            name: request.name, bash: bash, account: account, terminal: terminal,
            commandFile: try MemoryFile("command"), context)
        try session.start(request)
        return session
    }

    private func start(_ request: CreateSessionRequest) throws {
        let script = try MemoryFile("startup")
        try script.replace(with: Array(ShellScript.startup(sourcing: request.sources).utf8))
        let report = try Pipe()
        let streams = try terminal.openForProgram(of: account)
        var environment = request.inheritsEnvironment ? context.environment : ProcessEnvironment()
        environment = environment.adding(account?.variables ?? []).adding(request.environment)
        let program = Program(
            arguments: [
                bash, "--noediting", "--rcfile", "/proc/self/fd/\(ShellScript.scriptDescriptor)", "-i",
            ],
            environment: environment, directory: nil, account: account,
            kept: [
                (script.descriptor.rawValue, ShellScript.scriptDescriptor),
                (commandFile.descriptor.rawValue, ShellScript.commandDescriptor),
                (report.writer.rawValue, ShellScript.reportDescriptor),
            ])
        let stream = streams.rawValue
        process = try program.start([stream, stream, stream], takesTerminal: true)
        context.children.whenEnded(process) { [self] status in shellEnded(status) }
        output = CappedOutput()
        let reader = OutputReader(report.takeReader(), on: context.loop)
        reports = reader
        try reader.start(
            .init(bytes: { [weak self] in self?.receiveReports($0) }, end: { [weak self] in self?.reportsEnded() }))
        try terminal.start(.init(bytes: { [weak self] in self?.receive($0) }, end: {}))
    }

    /// Waits for the first prompt.
    ///
    /// - Parameter seconds: How long.
    /// - Returns: What was written before it, control sequences taken out.
    /// - Throws: ``RockletException`` where it did not come; the session stays until it is closed.
    func awaitPrompt(_ seconds: Double) async throws -> [UInt8] {
        try await inTurn { ticket in
            let deadline = schedule(.limit(seconds))
            defer { deadline.timer.cancel() }
            while true {
                switch await nextEvent() {
                case .report:
                    await completeOutput()
                    state = .idle
                    shellMark = ProcessMark(of: process)
                    return TerminalText.plain(takeOutput().marked)
                case .shellEnded:
                    throw RockletException(
                        .sessionNotInitialized,
                        "The session's shell ended while it started. It wrote: \(quotedOutput())")
                case .deadline(deadline.ticket):
                    throw RockletException(
                        .commandTimeout,
                        "The session's shell did not come to its prompt within \(seconds) seconds: a start-up file may wait "
                            + "for something. It wrote: \(quotedOutput())")
                case .cancelled(ticket): throw CancellationError()
                case .deadline, .cancelled, .matched, .outputComplete, .reportsClosed: continue
                }
            }
        }
    }

    /// What the current run has written so far, and nothing from now on.
    func takeOutput() -> CappedOutput {
        if let (_, output) = match.take() { return output }
        if let rest = window?.empty() { output?.append(rest[...]) }
        window = nil
        defer { output = nil }
        return output ?? CappedOutput()
    }

    func quotedOutput() -> String {
        let text = TerminalText.trimmed(TerminalText.plain(takeOutput().marked))
        return PythonText.quoted(String(decoding: PythonText.decoded(text.suffix(4096)), as: UTF8.self))
    }
}
