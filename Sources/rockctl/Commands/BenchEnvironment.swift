import Envs
import GEM
import Glibc
import SandboxHost
import Transport

private let only = Option(
    "only", .choice(EnvironmentBench.Name.allCases.map(\.rawValue), name: "NAME"),
    summary: "Measure just this; see above")
private let seconds = Option("seconds", .integer(1...3600, name: "S"), default: 2, summary: "How long each loop runs")
private let loadConnections = Option(
    "connections", letter: "c", .integer(1...4096, name: "C"), default: 64,
    summary: "Connections of 'throughput', with a sandbox each")
private let vectorSize = Option(
    "num-envs", .integer(1...4096, name: "N"), default: 256, summary: "Environments of 'vector'")
private let live = Option("live", .integer(1...100_000, name: "N"), default: 1000, summary: "Sandboxes of 'live'")
private let resets = Option(
    "resets", .integer(1...1_000_000, name: "N"),
    summary: "Seeds of 'reset' and 'hard', from 0 on, instead of as many as there is time for")
private let all = Option.flag("all", summary: "Measure every environment instead, for a quarter of --seconds each loop")
private let peer = Option(
    "peer", .text("PYTHON", completion: .files),
    summary: "With --all: a Python that has gem-llm, measured in process beside us")
private let match = Option("match", .text("TEXT"), summary: "With --all: only ids that hold TEXT")
private let json = Option.flag("json", summary: "Write one JSON object")

extension Command {
    /// `rockctl bench env`: the server measured over HTTP.
    static let benchEnvironment: Command = .init(
        "env", summary: "Measure make, reset and step over HTTP",
        discussion: """
            Prepared calls of one thread in a closed loop over connections that stay open; the server is embedded, on \
            a port of its own, or the one of --url. Times are in microseconds.

                step        one connection, one sandbox
                throughput  many connections, a sandbox each
                vector      many environments in one sandbox, one call for all
                episodes    the same with episodes as long as the id's own, resets included
                make        a sandbox from the warm pool
                cold        a sandbox without a warm pool; not with --url
                reset       Sokoban-easy, a new seed each time
                hard        Sokoban-hard, a new seed each time
                live        many sandboxes, stepped in turn; only where --only or --live asks

            With --all, a line for each id: steps a second one by one, of --num-envs environments without resets and with \
            them, resets a second with a seed each, bytes a step; and what the Python package reaches in process: one \
            environment stepped without resets, make_vec with 8, resets.
            """,
        options: [
            only, all, peer, match, seconds, loadConnections, vectorSize, live, resets, json, Connection.url,
            Connection.isolation,
        ],
        examples: [
            .init("rockctl bench env", "The whole table."),
            .init("rockctl bench env --only throughput -c 256 --json", "One line of it, for a program."),
        ],
        catchesSignals: true
    ) { call in
        if call[all] { return try await Interrupted.watching { try await measureAll(call) } }
        let results = try await Interrupted.watching { try await measure(call) }
        if call[json] {
            let object: JSON = [
                "version": .string(Rock.version),
                "processors": .number(JSON.Number(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
                "embedded": .bool(call[Connection.url] == nil), "results": .array(results.map(\.json)),
            ]
            try call.console.write(bytes: object.serialized + [0x0A])
            return .success
        }
        let pad = { (text: String, width: Int) in text + String(repeating: " ", count: max(1, width - text.count)) }
        let title = pad("", 12) + pad("p50 µs", 10) + pad("p99 µs", 10) + pad("per second", 12)
        var text = call.console.style.paint(title, .heading) + "\n"
        for result in results {
            let columns = result.columns
            text +=
                pad(result.name, 12) + pad(columns[0], 10) + pad(columns[1], 10) + pad(columns[2], 12) + columns[3]
                + "\n"
        }
        try call.console.write(text)
        return .success
    }

    private static func measureAll(_ call: Invocation) async throws -> ExitCode {
        let url = call[Connection.url]
        let isolation = MinimumIsolation(rawValue: call[Connection.isolation]) ?? .strict
        let server =
            url == nil ? try await EmbeddedServer(sandboxes: 4, isolation: isolation, listensOnTCP: true) : nil
        do {
            let place = try HTTPPlace.named(url ?? server?.url ?? "")
            let table = try await measureAll(call, at: place)
            await server?.close()
            let object: JSON = [
                "environments": table.json, "findings": .array(table.findings.map(\.json)),
            ]
            try call.console.write(
                call[json]
                    ? String(decoding: object.serialized, as: UTF8.self) + "\n" : table.text(count: call[vectorSize]))
            return .success
        } catch {
            await server?.close()
            throw error
        }
    }

    private static func measureAll(_ call: Invocation, at place: HTTPPlace) async throws -> GameTable {
        let bench = GameBench(place: place, duration: .seconds(call[seconds]) / 4, count: call[vectorSize])
        let (python, text, console) = (call[peer], call[match], call.console)
        let specs = BuiltInEnvironments.specs.filter { text.map($0.id.description.contains) ?? true }
        return try await BlockingPool.run {
            let python = try python.map { try BenchPeer(python: $0) }
            var results: [GameBench.Result] = []
            for spec in specs {
                try Task.checkCancellation()
                console.report("… \(spec.id)\n")
                if let result = try bench.measure(spec, peer: python) { results.append(result) }
            }
            return GameTable(results: results)
        }
    }

    private static func measure(_ call: Invocation) async throws -> [BenchResult] {
        let url = call[Connection.url]
        let names = EnvironmentBench.Name.allCases.filter { name in
            if let only = call[only] { return only == name.rawValue }
            return name == .live ? call.names(live) : name != .cold || url == nil
        }
        if let url {
            guard !names.contains(.cold) else {
                throw CommandError(
                    .usage, "'cold' needs a server without a warm pool, so it cannot be measured at a URL")
            }
            return try await measure(names, at: url, call)
        }
        let isolation = MinimumIsolation(rawValue: call[Connection.isolation]) ?? .strict
        var results: [BenchResult] = []
        // A server of its own for the line that wants one without a warm pool.
        for (part, warmPool) in [(names.filter { $0 != .cold }, 64), (names.filter { $0 == .cold }, 0)]
        where !part.isEmpty {
            let server = try await EmbeddedServer(sandboxes: warmPool, isolation: isolation, listensOnTCP: true)
            do {
                results += try await measure(part, at: server.url ?? "", call)
            } catch {
                await server.close()
                throw error
            }
            await server.close()
        }
        let order = names.map(\.rawValue)
        return results.sorted { (order.firstIndex(of: $0.name) ?? 0) < (order.firstIndex(of: $1.name) ?? 0) }
    }

    private static func measure(
        _ names: [EnvironmentBench.Name], at url: String, _ call: Invocation
    ) async throws -> [BenchResult] {
        let bench = EnvironmentBench(place: try HTTPPlace.named(url), duration: .seconds(call[seconds]))
        var results: [BenchResult] = []
        for name in names {
            try Task.checkCancellation()
            results.append(
                try await BlockingPool.run {
                    switch name {
                    case .step: try bench.steps(name, connections: 1)
                    case .throughput: try bench.steps(name, connections: call[loadConnections])
                    case .vector, .episodes: try bench.vector(name, count: call[vectorSize])
                    case .make, .cold: try bench.makes(name)
                    case .reset: try bench.resets(name, of: "game:Sokoban-v0-easy", count: call[resets])
                    case .hard: try bench.resets(name, of: "game:Sokoban-v0-hard", count: call[resets])
                    case .live: try bench.live(call[live])
                    }
                })
        }
        return results
    }
}
