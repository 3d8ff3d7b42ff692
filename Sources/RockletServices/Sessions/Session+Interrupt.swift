import GEM
import Glibc
import Transport

extension Session {
    /// What is sent to the foreground of a command that has to end, and how long it gets to obey.
    private static let escalation: [(signal: Int32, patience: Duration)] = [
        (SIGINT, .milliseconds(500)), (SIGTERM, .milliseconds(500)), (SIGKILL, .seconds(3)),
    ]
    /// How long a shell that is hung up gets to say goodbye to its jobs.
    private static let closePatience: Duration = .seconds(1)

    /// Ends the running command, as Ctrl-C does and then harder, until the shell is back at its prompt; a shell that cannot
    /// be brought back is ended. What was typed for a program of the user's is left alone with it.
    func interrupt(isTyped: Bool) async throws {
        if isTyped {
            state = .occupied
            _ = takeOutput()
            return
        }
        for (signal, patience) in Self.escalation {
            signalForeground(signal)
            if await shellIsBack(within: patience) {
                resynchronize()
                await completeOutput()
                _ = takeOutput()
                pending = CappedOutput(limit: 64 * 1024)
                if !hasEnded { state = .idle }
                return
            }
            if hasEnded { return }
        }
        context.log.say("session \(name): the shell does not come back from a command; ending it")
        kill(process, SIGKILL)
        while !hasEnded { _ = await nextEvent() }
    }

    private func shellIsBack(within patience: Duration) async -> Bool {
        let (ticket, timer) = schedule(patience)
        defer { timer.cancel() }
        while true {
            switch await nextEvent() {
            case .report(let report) where report.id == lastID: return true
            case .deadline(ticket), .shellEnded: return false
            default: continue
            }
        }
    }

    /// Sends `signal` to what is in the foreground. The shell itself only gets the one it can take.
    func signalForeground(_ signal: Int32) {
        let group = terminal.foreground ?? process
        guard group == process, signal != SIGINT else {
            kill(-group, signal)
            if signal == SIGTERM { kill(-group, SIGCONT) }
            return
        }
        for member in ProcessTable.members(ofGroup: group) where member != process { kill(member, signal) }
        // And out of the loop that would start the next.
        kill(process, SIGINT)
    }

    /// Leaves nothing of the last command's in the terminal.
    func resynchronize() {
        terminal.clearInput()
        terminal.makeSane(echoes: false)
    }

    // MARK: The end

    func shellEnded(_ status: ChildStatus) {
        state = .ended(status)
        context.log.say("session \(name): the shell has ended (\(status.words))")
        tell(.shellEnded)
        for attachment in attachments { attachment.end(status) }
        for waiting in whenEnded { waiting.resume() }
        whenEnded = []
    }

    /// - Returns: What a run answers whose shell has gone.
    func shellHasEnded() async -> RockletException {
        await completeOutput()
        guard case .ended(let status) = state else {
            return RockletException(.endOfFile, "The session's shell has gone.")
        }
        let written = quotedOutput()
        return RockletException(
            .endOfFile,
            "The session's shell ended (\(status.words)) with the command \(PythonText.quoted(shownCommand)); create the "
                + "session again. It wrote: \(written)",
            extraInfo: ["exit_code": .number(.init(Int(status.exitCode)))])
    }

    /// A command has put other things in the place of the shell's private descriptors.
    func descriptorsLost() async -> RockletException {
        kill(process, SIGKILL)
        while !hasEnded { _ = await nextEvent() }
        return RockletException(
            .endOfFile,
            "An earlier command has redefined descriptors that the session needs (10 and 11 are bash's own), so the session had to "
                + "be ended; create it again.")
    }

    /// Ends the shell as a terminal that hangs up does; what was started with nohup stays.
    func close() async {
        guard !hasEnded else { return terminal.close() }
        let timer = context.loop.schedule(at: .now + Self.closePatience) { [weak self] in
            guard let self, !hasEnded else { return }
            kill(-process, SIGKILL)
        }
        terminal.close()
        kill(process, SIGHUP)
        kill(process, SIGCONT)
        await withCheckedContinuation { closing in whenEnded.append(closing) }
        timer.cancel()
        reports?.close()
    }
}
