import Envs
import GEM
import SandboxHost

private let ids = Rest(
    "ID", .text("ID", completion: .words(BuiltInEnvironments.specs.map(\.id.description))),
    summary: "The environments, such as game:Sokoban-v0-easy; 'rockctl env list' shows all")
private let all = Option.flag("all", summary: "Check every environment that the server has")
private let only = Option(
    "only", .choice(Check.all.map(\.name), name: "CHECK"), summary: "Make just this check; see above")
private let episodes = Option(
    "episodes", letter: "n", .integer(2...1_000_000), summary: "Episodes of the longest check; 1000, or 50 with --quick"
)
private let quick = Option.flag("quick", summary: "Play fewer episodes, to see in a moment whether all is well")
private let seed = Option("seed", letter: "s", .integer(0...Int(Seed.max)), default: 0, summary: "The first seed")
private let action = ListOption(
    "action", .text("TEXT"), summary: "An action to play instead of what the environment proposes")
private let json = Option.flag("json", summary: "Write a JSON object on a line for each environment")

extension Command {
    /// `rockctl env check`: whether an environment keeps what every trainer relies on.
    static let environmentCheck: Command = .init(
        "check", summary: "Check that an environment behaves as trainers expect",
        discussion: """
            Plays the environment through a server and looks for what should never happen. Nothing is taken from the \
            environment's word: every line of the report has been tried. A failure comes with the first counterexample \
            and the command that shows it again.

            \(Check.all.map { "    " + $0.name + String(repeating: " ", count: 17 - $0.name.count) + $0.summary }
                .joined(separator: "\n"))

            Ends with 0 where all checks pass, with 1 where one fails. Environments that come with this program are served \
            by a server inside it, unless --url names another; all others by the server of the data directory.
            """,
        options: [
            all, only, episodes, quick, seed, action, json, ServerAccess.url, ServerAccess.keyFile,
            ServerSettings.dataDirectory, Connection.isolation,
        ],
        positionals: [ids],
        examples: [
            .init("rockctl env check game:Sokoban-v0-easy", "The whole report."),
            .init("rockctl env check --all --quick", "Everything the server has, a second each."),
            .init("rockctl env check my:Game-v0 --only rewards --json", "One check, for a program."),
        ],
        catchesSignals: true
    ) { call in
        let isPassed = try await Interrupted.watching { try await run(call) }
        return isPassed ? .success : .failure
    }

    private static func run(_ call: Invocation) async throws -> Bool {
        guard call[all] != !call[ids].isEmpty else {
            throw CommandError(.usage, "name the environments to check, or --all")
        }
        let known = Set(BuiltInEnvironments.specs.map(\.id.description))
        if call.names(ServerAccess.url) || !call[all] && !known.isSuperset(of: call[ids]) {
            let server = try await ServerAccess.open(call)
            return try await check(call, server.methods)
        }
        let minimum = MinimumIsolation(rawValue: call[Connection.isolation]) ?? .strict
        let server = try await EmbeddedServer(sandboxes: 40, isolation: minimum)
        call.console.report(server.isolation.warning ?? "")
        do {
            let isPassed = try await check(call, RPCClient(carrier: server))
            await server.close()
            return isPassed
        } catch {
            await server.close()
            throw error
        }
    }

    /// Checks one environment after the other and reports each as soon as it is known.
    private static func check(_ call: Invocation, _ client: RPCClient) async throws -> Bool {
        var environments = call[ids]
        if call[all] {
            let list = try await client.call("list")
            environments = list["environments"]?.array?.compactMap { $0["id"]?.string } ?? []
        }
        var isPassed = true
        for environment in environments {
            let report = try await report(on: environment, call, client)
            isPassed = isPassed && report.hasPassed
            try call.console.write(
                call[json]
                    ? String(decoding: report.json.serialized, as: UTF8.self) + "\n"
                    : report.text(style: call.console.style))
        }
        return isPassed
    }

    private static func report(
        on environment: String, _ call: Invocation, _ client: RPCClient
    ) async throws -> CheckReport {
        let (seed, episodes) = (Seed(call[seed]), call[episodes] ?? (call[quick] ? 50 : 1000))
        var report = CheckReport(environment: environment, seed: seed, episodes: episodes)
        var subject: CheckSubject?
        report.findings.append(
            try await Check.finding("play") {
                let new = try await CheckSubject(
                    environment, client, seed: seed, episodes: episodes, actions: call[action])
                subject = new
                let turns = new.samples.reduce(0) { $0 + $1.turns.count }
                return "\(new.samples.count) episodes, \(turns) turns"
            })
        guard let subject else { return report }
        for check in Check.all where call[only] == nil || call[only] == check.name {
            try Task.checkCancellation()
            report.findings.append(try await check.find(in: subject))
        }
        return report
    }
}
