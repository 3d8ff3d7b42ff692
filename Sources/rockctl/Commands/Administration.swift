extension Command {
    /// `rockctl admin`.
    static let administration: Command = .init(
        "admin", summary: "Start and stop a server, see how it is, and say who may use it",
        commands: [
            .administrationStart, .administrationStop, .administrationStatus, .keys, .configuration,
            .administrationEvents, .administrationAudit, .administrationBilling, .administrationMetrics,
            .administrationWarmUp,
        ])
}
