extension Command {
    /// `rockctl bench`.
    static let bench: Command = .init(
        "bench", summary: "Measure how fast this is", commands: [.benchEnvironment, .benchSandbox, .benchAdmin])
}
