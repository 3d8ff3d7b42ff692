import GEM

private let follow = Option.flag("follow", letter: "f", summary: "Go on with what happens, until Ctrl-C")
private let since = Option(
    "since", .integer(0...Int.max), summary: "Begin behind this event; by default with what comes")

extension Command {
    /// `rockctl admin events`.
    static let administrationEvents: Command = .init(
        "events", summary: "Show what happens to sandboxes, one JSON object a line",
        options: [follow, since] + ServerAccess.options,
        examples: [
            .init("rockctl admin events -f", "What happens from now on, as it happens."),
            .init("rockctl admin events --since 0", "All that the server remembers."),
        ]
    ) { call in
        let server = try await ServerAccess.open(call)
        var known = call[since] ?? (call[follow] ? nil : 0)
        while true {
            let (events, next) = try await server.changes(since: known, timeout: call[follow] ? 3600 : 1)
            try call.console.write(events.map(ImageArgument.line).joined())
            if !call[follow], events.isEmpty || next == known { return .success }
            known = next
        }
    }
}
