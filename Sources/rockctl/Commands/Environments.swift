extension Command {
    /// `rockctl env`.
    static let environments: Command = .init(
        "env", summary: "List environments, check them, let a policy play them, play yourself, or bring your own",
        commands: [
            .environmentList, .environmentRun, .environmentPlay, .environmentCheck, .environmentLive, .environmentStop,
            .environmentInit, .environmentRegister, .environmentUnregister, .environmentLogs,
        ])
}
