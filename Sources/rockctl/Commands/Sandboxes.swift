extension Command {
    /// `rockctl sandbox`.
    static let sandboxes: Command = .init(
        "sandbox", summary: "Start sandboxes, run programs in them, copy files, and see how they are",
        discussion: """
            All of it happens on a server: the one that 'rockctl admin start' runs in the data directory, or the one of \
            --url or $ROCK_BASE_URL. A sandbox is named by its id or by the beginning of it.
            """,
        commands: [
            .sandboxStart, .sandboxRun, .sandboxList, .sandboxInspect, .sandboxExec, .sandboxAttach, .sandboxCopy,
            .sandboxLogs, .sandboxStats, .sandboxPorts, .sandboxCommit, .sandboxWait, .sandboxStop, .sandboxRestart,
            .sandboxRemove,
            .sandboxDelete,
        ])
}
