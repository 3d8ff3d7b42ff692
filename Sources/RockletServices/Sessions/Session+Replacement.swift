import Glibc
import Transport

// A command such as `exec bash` puts another program in the shell's place, which knows nothing of reports. While a command
// runs, the shell alone holds the pipe that it reports over, to be closed by `exec`: the pipe's end is the sign. It does
// not come where a subshell in the background holds the pipe, too, or where people at the terminal do it; then the mark says so.

extension Session {
    /// How long what has taken the shell's place may take to end by itself, as `exec ls` does: then its end is the answer.
    private static let lastProgramPatience: Duration = .milliseconds(500)

    /// Nothing will be reported any more.
    func reportsEnded() {
        guard !hasEnded, ProcessMark.isAlive(process) else { return }
        tell(.reportsClosed)
    }

    /// Whether another program is known to be in the shell's place.
    var isReplaced: Bool {
        guard let shellMark, let now = ProcessMark(of: process) else { return false }
        return now != shellMark
    }

    /// - Throws: ``RockletException`` where a shell would not be there to read what is typed.
    func refuseIfReplaced() async throws {
        if reports?.isOpen == false { throw await shellReplaced() }
        guard wasTypedAt, state == .idle else { return }
        wasTypedAt = !attachments.isEmpty
        if isReplaced { throw await shellReplaced() }
    }

    /// Ends what has taken the shell's place.
    ///
    /// - Returns: What the run answers in which it was noticed.
    func shellReplaced() async -> RockletException {
        guard shellMark == nil || ProcessMark(of: process) == nil || isReplaced else { return await descriptorsLost() }
        let (ticket, timer) = schedule(Self.lastProgramPatience)
        defer { timer.cancel() }
        waiting: while !hasEnded {
            if case .deadline(ticket) = await nextEvent() { break waiting }
        }
        guard !hasEnded else { return await shellHasEnded() }
        let program = String(decoding: (ProcFile.read("/proc/\(process)/comm") ?? []).dropLast(), as: UTF8.self)
        await completeOutput()
        let written = quotedOutput()
        kill(-process, SIGHUP)
        kill(process, SIGKILL)
        while !hasEnded { _ = await nextEvent() }
        return RockletException(
            .endOfFile,
            "The command \(PythonText.quoted(shownCommand)) replaced the session's shell by the program "
                + "\(PythonText.quoted(program)), so the session had to be ended; create it again, and start programs without exec. "
                + "It wrote: \(written)")
    }
}

/// Where a process's stack begins, which is another place after each `exec`.
struct ProcessMark: Equatable {
    private let stack: UInt64

    /// Fails where that is not to be seen: for a process that has ended, or of a user whom this process may not trace.
    init?(of process: Int32) {
        guard let stack = Self.field(28, of: process), stack > 0 else { return nil }
        self.stack = stack
    }

    /// Whether a process runs that is not on its way to its end.
    static func isAlive(_ process: Int32) -> Bool {
        let exiting: UInt64 = 4  // PF_EXITING, set before descriptors are closed
        return field(9, of: process).map { $0 & exiting == 0 } ?? false
    }

    /// A field of `/proc/PID/stat`, numbered as in proc(5).
    private static func field(_ number: Int, of process: Int32) -> UInt64? {
        guard let bytes = ProcFile.read("/proc/\(process)/stat"), let end = bytes.lastIndex(of: UInt8(ascii: ")"))
        else {
            return nil
        }
        // The third field is the first behind the name, which may hold anything.
        let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > number - 3 else { return nil }
        return UInt64(String(decoding: fields[number - 3], as: UTF8.self))
    }
}
