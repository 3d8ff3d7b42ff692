import GEM

private let quiet = Option.flag("quiet", letter: "q", summary: "Write only ids, one a line")
private let whole = Option.flag("no-trunc", summary: "Write ids whole")
private let several = Rest("ID", .text("ID"), summary: "Environments: ids, or beginnings that only one id has")

extension Command {
    /// `rockctl env ps`.
    static let environmentLive: Command = .init(
        "ps", summary: "Show the environments that live on a server",
        discussion: """
            Steps are those since the last reset; '–' stands where that cannot be told now. One that has failed says why \
            to its client, and goes on with the next reset.
            """,
        options: [quiet, whole, ServerAccess.json] + ServerAccess.options,
        examples: [.init("rockctl env ps --json | jq '.environments[].env_id'", "What is being played.")]
    ) { call in
        let answer = try await ServerAccess.open(call).call("env.live")
        if call[ServerAccess.json] {
            try call.console.write(ImageArgument.line(answer))
            return .success
        }
        let all = answer["environments"]?.array ?? []
        let id = { (environment: JSON) in
            let id = environment["sandbox_id"]?.string ?? ""
            return printable(call[whole] ? id : SandboxListing.shortened(id), limit: 130)
        }
        if call[quiet] {
            try call.console.write(all.map { id($0) + "\n" }.joined())
            return .success
        }
        let rows = all.map { environment in
            let text = { (name: String) in printable(environment[name]?.string ?? "–", limit: 100) }
            return [
                id(environment), text("env_id"), text("owner"), text("state"),
                environment["steps"]?.int.map(String.init) ?? "–", age(environment["age_seconds"]?.double ?? 0),
            ]
        }
        let head = ["ID", "ENVIRONMENT", "OWNER", "STATE", "STEPS", "AGE"]
        try call.console.write(Table(head, rows, right: [4, 5]).text(style: call.console.style))
        return .success
    }

    /// `rockctl env stop`.
    static let environmentStop: Command = .init(
        "stop", summary: "Close environments that live on a server", options: ServerAccess.options,
        positionals: [several],
        examples: [.init("rockctl env stop $(rockctl env ps -q)", "All there are.")]
    ) { call in
        guard !call[several].isEmpty else { throw UsageError(at: call.path, "ID is missing") }
        let server = try await ServerAccess.open(call)
        let all = (try await server.call("env.live")["environments"]?.array ?? [])
            .compactMap { $0["sandbox_id"]?.string }
        var code = ExitCode.success
        for word in call[several] {
            do {
                let meant = all.contains(word) ? [word] : all.filter { $0.hasPrefix(word) }
                guard meant.count < 2 else {
                    throw CommandError(.usage, "'\(printable(word))' begins the ids of \(meant.count) environments")
                }
                // Whom it is not the beginning of may have been closed just now: the server says so.
                _ = try await server.call("close", ["sandbox_id": .string(meant.first ?? word)])
                try call.console.write((meant.first ?? printable(word)) + "\n")
            } catch let error as CommandError {
                // The others are closed all the same.
                call.console.report(error.text(at: call.path.joined(separator: " "), style: call.console.errorStyle))
                code = error.code
            }
        }
        return code
    }

    /// Seconds as people say them.
    private static func age(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1e12))
        return switch whole {
        case ..<120: "\(whole) s"
        case ..<7200: "\(whole / 60) min"
        case ..<172_800: "\(whole / 3600) h"
        default: "\(whole / 86_400) d"
        }
    }
}
