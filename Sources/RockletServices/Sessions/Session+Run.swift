import GEM
import Glibc
import Transport

extension Session {
    /// How long a shell may take to say how a command ended whose output has matched already.
    private static let exitCodePatience: Duration = .seconds(1)
    /// How long output may take to come through. It comes at once unless a program floods the terminal.
    private static let outputPatience: Duration = .seconds(2)

    /// Runs one command, when it is its turn.
    ///
    /// - Returns: What it wrote and how it ended.
    /// - Throws: ``RockletException``, one for each way to fail.
    func run(_ request: RunRequest) async throws -> SessionObservation {
        let expectations = try request.expected.map { text throws(RockletException) in try Expectation(text) }
        guard !request.command.utf8.contains(0) else { throw RockletException(.value, "embedded null byte") }
        return try await inTurn { ticket in
            try refuseIfEnded()
            if state == .starting {
                throw RockletException(
                    .sessionNotInitialized,
                    "session \(PythonText.quoted(name)) did not start; close it and create it again")
            }
            try await refuseIfReplaced()
            // A program in the foreground reads what is typed, and bash cannot be asked about its language.
            let isTyped = request.isTyped || state == .occupied
            if !isTyped { try await checkSyntax(request.command) }
            let deadline = request.timeout.map { schedule(.limit($0)) }
            defer { deadline?.timer.cancel() }
            if !isTyped { try await waitForPeople(ticket, deadline?.ticket) }
            try begin(request, isTyped: isTyped, expectations)
            return try await finish(request, isTyped: isTyped, ticket, deadline?.ticket)
        }
    }

    private func refuseIfEnded() throws(RockletException) {
        guard case .ended(let status) = state else { return }
        throw RockletException(
            .endOfFile,
            "The shell of session \(PythonText.quoted(name)) has ended (\(status.words)); create the session again."
        )
    }

    /// Waits while somebody at the terminal has a program in the foreground, which would read the line.
    private func waitForPeople(_ ticket: Int, _ deadline: Int?) async throws {
        while !attachments.isEmpty, let group = terminal.foreground, group != process {
            switch await nextEvent() {
            case .deadline(let number) where number == deadline:
                throw RockletException(
                    .commandTimeout,
                    "Somebody attached to session \(PythonText.quoted(name)) runs a program in it; use another session, or wait for "
                        + "its end.")
            case .cancelled(ticket): throw CancellationError()
            case .shellEnded: throw await shellHasEnded()
            default: continue
            }
        }
    }

    /// - Throws: ``RockletException`` where bash would not even begin.
    private func checkSyntax(_ command: String) async throws {
        if SyntaxCheck.isPlainlyValid(command) { return }
        var program = Program(
            arguments: [bash, "-O", "extglob", "-n"], environment: context.environment, directory: "/", account: nil)
        // Messages that callers can read, and no start-up file.
        program.environment["LC_ALL"] = "C.UTF-8"
        program.environment["BASH_ENV"] = nil
        let result = try await Execution.run(
            .init(program: program, input: Array(command.utf8), timeout: 30, outputLimit: 64 * 1024), context)
        guard result.status.exitCode != 0 else { return }
        let errors = String(decoding: PythonText.decoded(result.errors.marked), as: UTF8.self)
        let output = String(decoding: PythonText.decoded(result.output.marked), as: UTF8.self)
        throw RockletException(
            .bashIncorrectSyntax,
            "Checked the command with 'bash -n' and ran nothing of it, for it is not valid bash:\n\(errors)",
            extraInfo: ["bash_stdout": .string(output), "bash_stderr": .string(errors)])
    }

    private func begin(_ request: RunRequest, isTyped: Bool, _ expectations: [Expectation]) throws {
        var collected = CappedOutput(limit: request.outputLimit)
        let earlier = pending.marked
        pending = CappedOutput(limit: 64 * 1024)
        if expectations.isEmpty { collected.append(earlier[...]) }
        output = collected
        match = nil
        window = expectations.isEmpty ? nil : ExpectationWindow(expectations: expectations)
        shownCommand = request.command
        forgetEvents()
        if state != .occupied { terminal.makeSane(echoes: false) }
        state = .running
        showCommand(request.command)
        if isTyped {
            wasTypedAt = true
            terminal.type((request.command + "\n").utf8)
        } else {
            lastID += 1
            try commandFile.replace(with: ShellScript.command(request.command, id: lastID))
            terminal.type(ShellScript.line(id: lastID).utf8)
        }
        if !expectations.isEmpty, !earlier.isEmpty { emitAgain(earlier) }
    }

    /// Looks for the run's expressions in what came before it, as a terminal's reader would.
    private func emitAgain(_ bytes: [UInt8]) {
        let shown = (history, attachments)
        attachments = []
        emit(bytes)
        (history, attachments) = shown
    }

    private func finish(
        _ request: RunRequest, isTyped: Bool, _ ticket: Int, _ deadline: Int?
    ) async throws -> SessionObservation {
        while true {
            switch await nextEvent() {
            case .report(let report) where isTyped || report.id == lastID:
                guard report.kind != .lost else { throw await descriptorsLost() }
                await completeOutput()
                if request.isQuit { resynchronize() }
                state = .idle
                return try observe(request, isTyped: isTyped, report.code)
            case .matched:
                return try await finishMatched(request, isTyped: isTyped)
            case .deadline(let number) where number == deadline:
                if !isTyped, isReplaced { throw await shellReplaced() }
                try await interrupt(isTyped: isTyped)
                throw RockletException(
                    .commandTimeout,
                    "timeout after \(request.timeout ?? 0) seconds while running command \(PythonText.quoted(request.command))"
                )
            case .cancelled(ticket):
                try await interrupt(isTyped: isTyped)
                throw CancellationError()
            case .reportsClosed: throw await shellReplaced()
            case .shellEnded: throw await shellHasEnded()
            case .report, .deadline, .cancelled, .outputComplete: continue
            }
        }
    }

    /// A run whose output has matched: what it started may go on.
    private func finishMatched(_ request: RunRequest, isTyped: Bool) async throws -> SessionObservation {
        var code: Int32?
        state = .occupied
        if !isTyped, request.check != .ignore {
            code = await exitCode()
            if code == nil, request.check == .raise {
                throw RockletException(
                    .noExitCode,
                    "The output matched \(PythonText.quoted(match?.expectation.text ?? "")) and the command has not ended, so it has "
                        + "no exit code yet. Give check as silent or ignore where that is meant.")
            }
        }
        return try observe(request, isTyped: isTyped, code)
    }

    private func exitCode() async -> Int32? {
        let (ticket, timer) = schedule(Self.exitCodePatience)
        defer { timer.cancel() }
        while true {
            switch await nextEvent() {
            case .report(let report) where report.id == lastID:
                await completeOutput()
                state = .idle
                return report.code
            case .deadline(ticket), .shellEnded: return nil
            default: continue
            }
        }
    }

    private func observe(_ request: RunRequest, isTyped: Bool, _ code: Int32?) throws -> SessionObservation {
        let expectation = match?.expectation
        // What came behind a match, and before the prompt, was read by nobody.
        if expectation != nil, state == .idle { pending = CappedOutput(limit: 64 * 1024) }
        let taken = takeOutput()
        var text = TerminalText.trimmed(TerminalText.plain(PythonText.decoded(taken.marked)))
        if isTyped, !request.command.isEmpty, text.starts(with: request.command.utf8) {
            // What programs with line editing of their own have shown of the line.
            text = TerminalText.trimmed(Array(text.dropFirst(request.command.utf8.count)))
        }
        var observation = SessionObservation(output: text, exitCode: code, omitted: taken.omitted)
        if let expectation { observation.expected = expectation.text }
        if request.isTyped {
            observation.exitCode = 0
        } else if request.check == .ignore || isTyped {
            observation.exitCode = nil
            if isTyped, request.check == .raise {
                throw RockletException(
                    .noExitCode,
                    "The line went to the program in the foreground, which has no exit code for it. Leave the program with "
                        + "is_interactive_quit, or give check as silent or ignore.")
            }
        }
        if !isTyped, request.check == .raise, let code, code != 0 {
            let quoted = PythonText.quoted(String(decoding: text, as: UTF8.self))
            throw RockletException(
                .nonZeroExitCode,
                (request.errorMessage.isEmpty ? "" : request.errorMessage + ": ")
                    + "Command \(PythonText.quoted(request.command)) failed with exit code \(code). Here is the output:\n\(quoted)"
            )
        }
        return observation
    }

    /// Waits until everything that was written up to now has been read.
    func completeOutput() async {
        var mark = OutputBarrier()
        guard terminal.mark(mark.mark) else { return }
        barrier = mark
        let (ticket, timer) = schedule(Self.outputPatience)
        defer { timer.cancel() }
        while true {
            switch await nextEvent() {
            case .outputComplete: return
            case .deadline(ticket), .shellEnded:
                mark = barrier ?? mark
                barrier = nil
                return emit(mark.release())
            default: continue
            }
        }
    }
}

extension ChildStatus {
    /// How it ended, for people.
    var words: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signalled(let signal): "killed by signal \(signal)"
        }
    }
}
