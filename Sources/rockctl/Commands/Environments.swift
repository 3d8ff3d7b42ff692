extension Command {
    /// `rockctl env`.
    static let environments: Command = .init(
        "env", summary: "List environments, check them, let a policy play them, or play yourself",
        commands: [.environmentList, .environmentRun, .environmentPlay, .environmentCheck])
}
