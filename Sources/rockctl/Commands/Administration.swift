extension Command {
    /// `rockctl admin`.
    static let administration: Command = .init(
        "admin", summary: "Start and stop a server, and see how it is",
        commands: [.administrationStart, .administrationStop, .administrationStatus])
}
