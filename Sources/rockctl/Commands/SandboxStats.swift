import GEM

private let watch = Option.flag("watch", summary: "Look again every second, until Ctrl-C")

extension Command {
    /// `rockctl sandbox stats`.
    static let sandboxStats: Command = .init(
        "stats", summary: "Show what sandboxes use",
        discussion: """
            Without a sandbox, all that run. Processors are in percent of what the sandbox may use, since somebody looked \
            last.
            """,
        options: [watch, ServerAccess.json] + ServerAccess.options, positionals: [SandboxArgument.several],
        examples: [.init("rockctl sandbox stats --watch", "All that run, every second.")]
    ) { call in
        let server = try await ServerAccess.open(call)
        let named = call[SandboxArgument.several].isEmpty ? nil : try await SandboxArgument.resolveAll(call, server)
        while true {
            let ids: [String]
            if let named {
                ids = named
            } else {
                ids = try await SandboxListing.all(server, filters: ["state": "running"])
                    .compactMap { $0["sandbox_id"]?.string }
            }
            var usages: [(id: String, usage: JSON)] = []
            for id in ids {
                do {
                    usages.append((id, try await server.call("sandbox.statistics", ["sandbox_id": .string(id)])))
                } catch let error as CommandError where named == nil && error.code != .unreachable {
                    continue  // it ended meanwhile
                }
            }
            let clear = call[watch] && call.console.outputIsTerminal ? "\u{1B}[H\u{1B}[2J" : ""
            try call.console.write(clear + text(usages, call))
            guard call[watch] else { return .success }
            // A measurement has no moment at which it changes: it is taken.
            try await Task.sleep(for: .seconds(1))
        }
    }

    private static func text(_ usages: [(id: String, usage: JSON)], _ call: Invocation) -> String {
        if call[ServerAccess.json] {
            return usages.map { item in
                var object = item.usage.object ?? [:]
                object["sandbox_id"] = .string(item.id)
                return ImageArgument.line(.object(object))
            }.joined()
        }
        let rows = usages.map { item in
            let bytes = { (name: String) in item.usage[name]?.double.map { ImageArgument.size(Int64($0)) } ?? "–" }
            let limited = { (name: String, limit: String) in
                (item.usage[limit]?.double ?? 0) > 0 ? "\(bytes(name)) of \(bytes(limit))" : bytes(name)
            }
            return [
                SandboxListing.shortened(item.id), "\(number(item.usage["cpu"]?.double ?? 0)) %",
                limited("memory_bytes", "memory_limit_bytes"), limited("disk_bytes", "disk_limit_bytes"),
                bytes("net"), "\(item.usage["processes"]?.int ?? 0)",
            ]
        }
        return Table(["SANDBOX", "CPU", "MEMORY", "DISK", "NETWORK", "PROCESSES"], rows, right: [1, 2, 3, 4, 5])
            .text(style: call.console.style)
    }
}
