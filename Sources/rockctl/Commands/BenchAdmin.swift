import SandboxHost
import Transport

private enum Name: String, CaseIterable {
    case status, list, batch, changes, restart
}

private let only = Option(
    "only", .choice(Name.allCases.map(\.rawValue), name: "NAME"), summary: "Measure just this; see above")
private let seconds = Option("seconds", .integer(1...3600, name: "S"), default: 2, summary: "How long each loop runs")
private let rows = Option(
    "rows", .integer(1...10_000_000, name: "N"), default: 100_000, summary: "Sandboxes in the registry")
private let batch = Option("batch", .integer(1...100_000, name: "N"), default: 2000, summary: "Sandboxes of 'batch'")
private let live = Option(
    "live", .integer(1...100_000, name: "N"), default: 500, summary: "Live sandboxes that 'restart' finds again")
private let json = Option.flag("json", summary: "Write one JSON object")

extension Command {
    /// `rockctl bench admin`.
    static let benchAdmin: Command = .init(
        "admin", summary: "Measure the registry, its listings and a restart",
        discussion: """
            A server of its own on a free port of the loopback interface, in a directory of /tmp that goes with it; nothing \
            of a server that runs is touched. Each line stands beside what it should reach.

                status   get_status against GET /health, with one client and with 64
                list     a page of 100 with two filters
                batch    many statuses in one request
                changes  durable starts and stops of 64 callers, in the registry alone
                restart  kill -9 of a server to the next one's first answer; needs root
            """,
        options: [only, seconds, rows, batch, live, json],
        examples: [
            .init("rockctl bench admin", "The whole table."),
            .init("rockctl bench admin --only status --json", "One line of it, for a program."),
        ],
        catchesSignals: true
    ) { call in
        let findings = try await Interrupted.watching { try await measure(call) }
        try BenchFinding.write(findings, asJSON: call[json], to: call.console)
        return .success
    }

    private static func measure(_ call: Invocation) async throws -> [BenchFinding] {
        let names = Name.allCases.filter { call[only] == nil || call[only] == $0.rawValue }
        var findings: [BenchFinding] = []
        if names.contains(where: { [.status, .list, .batch].contains($0) }) {
            let (count, size) = (call[rows], call[batch])
            let running = min(count, max(size, 1000))
            let server = try await EmbeddedServer(
                sandboxes: 0, isolation: .bestEffort, listensOnTCP: true,
                filling: { try await RegistryBench.fill($0 + "/registry.db", count: count - running) })
            do {
                if let registry = server.registry {
                    try await RegistryBench.fill(registry, count - running..<count, isLive: true)
                }
                let bench = AdminBench(
                    place: try HTTPPlace.named(server.url ?? ""), duration: .seconds(call[seconds]), rows: count,
                    live: running)
                findings += try await BlockingPool.run {
                    try names.flatMap { name -> [BenchFinding] in
                        switch name {
                        case .status: [try bench.status(connections: 1), try bench.status(connections: 64)]
                        case .list: [try bench.list()]
                        case .batch: [try bench.batch(size)]
                        case .changes, .restart: []
                        }
                    }
                }
            } catch {
                await server.close()
                throw error
            }
            await server.close()
        }
        try Task.checkCancellation()
        if names.contains(.changes) {
            findings.append(
                try await EmbeddedServer.withDirectory { directory in
                    BenchFinding(
                        name: "durable starts and stops, 64 callers",
                        value: try await RegistryBench.changes(directory + "/registry.db", writers: 64, each: 200),
                        unit: "/s", reach: .least(5000))
                })
        }
        try Task.checkCancellation()
        if names.contains(.restart) {
            let count = call[live]
            findings.append(
                try await EmbeddedServer.withDirectory { directory in
                    try await RegistryBench.fill(directory + "/registry.db", count: 10_000)
                    let bench = RestartBench(directory: directory, rows: 10_000, live: count)
                    return try await BlockingPool.run { try bench.measure() }
                })
        }
        return findings
    }
}
