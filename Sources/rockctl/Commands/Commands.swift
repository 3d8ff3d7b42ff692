extension Command {
    /// The whole command line, in the order of the help page. A new command is a new file and a line here.
    static let rockctl: Command = .init(
        "rockctl", summary: "Environments for reinforcement learning, each in its own sandbox",
        discussion: """
            Without a server to talk to (--url or $ROCK_BASE_URL), commands that need one run it inside themselves.
            """,
        options: [Option.flag("version", summary: "Show the version")],
        commands: [
            .environments,
            .recordedEpisodes,
            .replay,
            .sandboxes,
            .images,
            .modelService,
            .administration,
            .tasks,
            .remoteProcedureCalls,
            .doctor,
            .bench,
            .completions,
            .help,
            .version,
        ])
}
