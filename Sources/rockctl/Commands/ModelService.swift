extension Command {
    /// `rockctl model-service`.
    static let modelService: Command = .init(
        "model-service", summary: "Answer an agent's model calls: by a training loop, or by model servers",
        discussion: """
            A model service speaks like a model server. With --type local it hands each request to a training loop, which answers \
            with 'rockctl model-service anti-call-llm'; with --type proxy it passes requests on to model servers. An agent is \
            pointed at http://HOST:PORT/v1.

            One service can run for each working directory, which has its process in data/cli/model/pid.txt.
            """,
        commands: [
            .modelServiceStart, .modelServiceStop, .modelServiceStatus, .modelServiceWatchAgent, .modelServiceAntiCall,
        ])
}
