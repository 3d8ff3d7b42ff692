import GEM
import Transport

private let all = Option.flag("all", letter: "a", summary: "Those that are stopped, too; deleted ones only by --state")
private let states = Option(
    "state", .text("STATE,…", completion: .words(["pending", "running", "stopped", "archived", "deleted"])),
    summary: "Only those in one of these states")
private let filter = ListOption(
    "filter", letter: "f", .assignment(),
    summary:
        "Only those whose image, driver, user_id, experiment_id, namespace, host_id, or label of that name, is VALUE")
private let quiet = Option.flag("quiet", letter: "q", summary: "Write only ids, one a line")
private let whole = Option.flag("no-trunc", summary: "Write ids and images whole")
private let last = Option("last", .integer(1...1_000_000), summary: "Only the N youngest")
private let watch = Option.flag("watch", summary: "Show it anew whenever something changes, until Ctrl-C")

extension Command {
    /// `rockctl sandbox list`.
    static let sandboxList: Command = .init(
        "list", summary: "Show sandboxes",
        options: [all, states, filter, last, quiet, whole, watch, ServerAccess.json] + ServerAccess.options,
        examples: [
            .init("rockctl sandbox list", "Those that run or are about to."),
            .init("rockctl sandbox list --state stopped -f team=a --json", "Stopped ones with a label, for a program."),
            .init("rockctl sandbox list --watch", "As they come and go."),
        ]
    ) { call in
        let server = try await ServerAccess.open(call)
        var filters: [String: String] = [:]
        for item in call[filter] { filters[item.name] = item.value }
        if let states = call[states] {
            filters["state"] = states
        } else if call[all] {
            filters["state"] = "pending,running,stopped,archiving,archived"
        }
        if call[last] != nil { filters["order"] = "newest" }
        guard call[watch] else {
            let items = try await SandboxListing.all(server, filters: filters, most: call[last] ?? .max)
            try call.console.write(text(items, call))
            return .success
        }
        var event = try await server.changes(since: nil, timeout: 0).next
        while true {
            let items = try await SandboxListing.all(server, filters: filters, most: call[last] ?? .max)
            let clear = call.console.outputIsTerminal ? "\u{1B}[H\u{1B}[2J" : ""
            try call.console.write(clear + text(items, call))
            var news: (events: [JSON], next: Int)
            repeat {
                news = try await server.changes(since: event, timeout: 3600)
                event = news.next
            } while news.events.isEmpty
        }
    }

    private static func text(_ items: [JSON], _ call: Invocation) -> String {
        if call[ServerAccess.json] { return ImageArgument.line(["sandboxes": .array(items)]) }
        if call[quiet] {
            return items.map { item in
                let id = item["sandbox_id"]?.string ?? ""
                return printable(call[whole] ? id : SandboxListing.shortened(id), limit: 130) + "\n"
            }.joined()
        }
        return Table(SandboxListing.head, items.map { SandboxListing.row($0, isWhole: call[whole]) })
            .text(style: call.console.style)
    }
}

extension ServerClient {
    /// What happened to sandboxes behind an event, at once where there is something.
    ///
    /// - Parameters:
    ///   - since: The number of the last event that is known; `nil` begins now.
    ///   - timeout: How long to wait for the first, in seconds.
    /// - Returns: The events and the number of the last one.
    /// - Throws: ``CommandError``.
    func changes(since: Int?, timeout: Int) async throws -> (events: [JSON], next: Int) {
        var query = [(name: "timeout", value: "\(timeout)")]
        if let since { query.append(("since", "\(since)")) }
        let body = try await send(HTTPClientRequest("GET", "/apis/envs/sandbox/v1/events" + Self.query(query)))
        guard let json = try? JSON(parsing: body.span), let next = json["next"]?.int else {
            throw CommandError(.failure, "the server's events cannot be read")
        }
        return (json["events"]?.array ?? [], next)
    }
}
