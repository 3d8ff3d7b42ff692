import CLinux
import Glibc
import Transport

extension Command {
    /// `rockctl admin stop`.
    static let administrationStop: Command = .init(
        "stop", summary: "Stop the server of a data directory",
        discussion: """
            Sends SIGTERM to the process that holds the lock on the directory's admin.pid, and waits for its end.
            """,
        options: [ServerSettings.dataDirectory, ServerSettings.configuration],
        examples: [.init("rockctl admin stop", "Stop the server that 'rockctl admin start' started.")]
    ) { call in
        let directory = try ServerSettings.directory(call)
        let patience = Duration.seconds(30)
        guard let holder = try PidFile.holder(in: directory) else { throw nothingRuns(in: directory) }
        guard holder.process > 0 else {
            throw CommandError(
                .failure, "the server in \(directory) runs where its process cannot be seen",
                hint: "stop it in its own container")
        }
        let opened = rock_pidfd_open(holder.process)
        guard opened >= 0 else { throw nothingRuns(in: directory) }
        let process = OwnedDescriptor(opened)
        // The descriptor names the holder for good only if that still was the holder when it was opened.
        guard try PidFile.holder(in: directory)?.process == holder.process else { throw nothingRuns(in: directory) }
        try SystemCallError.check(
            rock_pidfd_send_signal(process.rawValue, SIGTERM), "pidfd_send_signal", "process \(holder.process)")

        let deadline = ContinuousClock.now + patience
        var ended = pollfd(fd: process.rawValue, events: Int16(POLLIN), revents: 0)
        while ended.revents == 0 {
            let left = deadline - .now
            guard left > .zero else {
                throw CommandError(
                    .timedOut, "process \(holder.process) has not ended after \(patience)",
                    hint: "it may still be closing sandboxes; 'kill -9 \(holder.process)' ends it at once")
            }
            _ = poll(&ended, 1, Int32(left / .milliseconds(1)) + 1)
        }
        try call.console.write("stopped the server in \(directory), process \(holder.process)\n")
        return .success
    }

    private static func nothingRuns(in directory: String) -> CommandError {
        CommandError(
            .unreachable, "no server runs in \(directory)",
            hint: "a server elsewhere is named by its --data-dir; 'rockctl admin status' shows one")
    }
}
