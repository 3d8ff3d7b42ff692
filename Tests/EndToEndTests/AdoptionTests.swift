import Foundation
import GEM
import Glibc
import Testing

/// A server is killed, and another is started on its data directory: its environments go on where they were, and those that
/// cannot say why.
@Suite(.timeLimit(.minutes(3)), .serialized) struct AdoptionTests {
    private static let sokoban: JSON = ["env_id": "game:Sokoban-v0-easy", "kwargs": ["max_turns": 1000]]

    /// A data directory for servers that follow one another.
    private struct Place {
        let directory: String
        let configuration: String

        /// Hands a place to `body` and removes it.
        static func use<T>(_ configuration: String = "", body: (Place) async throws -> T) async throws -> T {
            let files = FileManager.default
            let directory = files.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)").path
            try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? files.removeItem(atPath: directory) }  // Left-overs in /tmp are no failure of the test.
            return try await body(Place(directory: directory, configuration: configuration))
        }

        func serve<T>(
            endingBy signal: Int32 = SIGTERM, with configuration: String? = nil,
            body: (RunningServer) async throws -> T
        ) async throws -> T {
            try await RunningServer.run(
                [Products.rockctl], directory: directory, configuration: configuration ?? self.configuration,
                endingBy: signal, body: body)
        }

        /// The notes that a server leaves to the next one.
        var notes: [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: directory + "/live")) ?? []
        }
    }

    /// What the server lists as alive, by id.
    private static func live(_ client: Client) async throws -> [String: JSON] {
        let all = try await client.result("env.live", [:])["environments"]?.array ?? []
        return Dictionary(uniqueKeysWithValues: all.map { ($0["sandbox_id"]?.string ?? "", $0) })
    }

    @Test func environmentsGoOnWhereTheyWere() async throws {
        try await Place.use { place in
            let (played, states, zygote) = try await place.serve(endingBy: SIGKILL) { server in
                let client = try Client(http: server)
                var played: [JSON] = []
                for params in [
                    Self.sokoban, ["env_id": "game:GuessTheNumber-v0-hard", "kwargs": ["max_turns": 1000]],
                    ["env_id": "game:Sokoban-v0-easy", "num_envs": 8],
                ] as [JSON] {
                    let sandbox = try await client.make(params)
                    _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 42])
                    let isMany = params["num_envs"] != nil
                    let action: JSON = params["env_id"] == "game:Sokoban-v0-easy" ? "\\boxed{up}" : "\\boxed{3}"
                    let actions: JSON = isMany ? .array(Array(repeating: action, count: 8)) : action
                    for _ in 1...3 {
                        _ = try await client.result(
                            "step", ["sandbox_id": sandbox, isMany ? "actions" : "action": actions])
                    }
                    played.append(sandbox)
                }
                let fork = try await client.result("fork", ["sandbox_id": played[0]])
                played.append(try #require(fork["sandbox_ids"]?[0]))
                // One that was never reset, and one whose client's connection goes with the server.
                played.append(try await client.make())
                played.append(try await client.make(["env_id": "game:Sokoban-v0-easy", "lease": "connection"]))
                var states: [JSON] = []
                for sandbox in played.prefix(4) {
                    states.append(try await client.result("save", ["sandbox_id": sandbox]))
                }
                let zygote = try server.zygote
                // It shall not see the client go before it is killed itself.
                kill(server.process, SIGSTOP)
                return (played, states, zygote)
            }
            #expect(kill(zygote, 0) == 0, "the environments' process went with the server")
            #expect(place.notes.count == 6)
            // Once more, because what was adopted must be found again, too.
            for round in 1...2 {
                try await place.serve(endingBy: round == 1 ? SIGKILL : SIGTERM) { server in
                    let client = try Client(http: server)
                    let live = try await Self.live(client)
                    #expect(Set(live.keys) == Set(played.prefix(5).compactMap(\.string)))
                    #expect(live.values.allSatisfy { $0["state"] == "running" && $0["owner"] == "anyone" })
                    #expect(live[played[0].string ?? ""]?["steps"]?.int == 3)
                    for (sandbox, state) in zip(played, states) {
                        let now = try await client.result("save", ["sandbox_id": sandbox])
                        #expect(now == state, "\(sandbox)")
                    }
                    let lost = try await client.call("step", ["sandbox_id": played[5], "action": "\\boxed{up}"])
                    // Only the server that closed it knows why.
                    #expect(lost.kind == (round == 1 ? "sandbox_closed" : "unknown_sandbox"), "\(lost)")
                    #expect(try await client.call("make", Self.sokoban)["result"] != nil)
                    for (sandbox, environment) in live where round == 2 {
                        _ = try await client.result("reset", ["sandbox_id": .string(sandbox), "seed": 1])
                        #expect(environment["process"]?.int ?? 0 > 0)
                        _ = try await client.result("close", ["sandbox_id": .string(sandbox)])
                    }
                    if round == 1 {
                        let last = try await Self.live(client).keys.first { !live.keys.contains($0) }
                        _ = try await client.result("close", ["sandbox_id": .string(last ?? "")])
                    }
                }
            }
            #expect(kill(zygote, 0) != 0 || Self.isZombie(zygote), "the environments' process outlived the last server")
            #expect(place.notes == [])
        }
    }

    private static func isZombie(_ process: Int32) -> Bool {
        let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        return stat?.split(separator: ")").last?.hasPrefix(" Z") ?? true
    }

    /// How an environment can be lost between two servers, and what its next call says.
    enum Loss: CaseIterable {
        case jailKilled, zygoteKilled, otherProgram, otherSettings, damagedNote, damagedCgroups, time

        var sentence: String {
            switch self {
            case .jailKilled: "SIGKILL"
            case .zygoteKilled, .time: "The process that sandboxes are made from ended"
            case .otherProgram, .otherSettings: "of another version, or has other settings"
            case .damagedNote: "cannot be read"
            case .damagedCgroups: "what the server before it noted cannot be read"
            }
        }

        /// Whether the others of the same server are lost with it.
        var isAll: Bool { self != .jailKilled && self != .damagedNote }
    }

    @Test(arguments: Loss.allCases) func whatIsLostSaysWhyAndNothingIsLeft(_ loss: Loss) async throws {
        let seconds = loss == .time ? 1 : 600
        try await Place.use("sandboxes: { warm_pool: 0, outlive_server_seconds: \(seconds) }") { place in
            let rocklet = place.directory + "/rocklet"
            try FileManager.default.copyItem(atPath: Products.folder.path + "/rocklet", toPath: rocklet)
            let settings = "sandboxes: { warm_pool: 0, rocklet: '\(rocklet)', outlive_server_seconds: \(seconds)"
            let (lost, other, zygote, first) = try await place.serve(endingBy: SIGKILL, with: settings + " }") {
                server in
                let client = try Client(http: server)
                let known = try await server.makeKnown(2, over: client, Self.sokoban)
                let first = try await client.result("reset", ["sandbox_id": known[0].sandbox, "seed": 42])
                _ = try await client.result("reset", ["sandbox_id": known[1].sandbox, "seed": 42])
                let zygote = try server.zygote
                if loss == .jailKilled {
                    // Nobody shall hear of it in time.
                    kill(server.process, SIGSTOP)
                    kill(known[0].process, SIGKILL)
                }
                return (known[0].sandbox, known[1].sandbox, zygote, first)
            }
            let note = place.directory + "/live/\(lost.string ?? "").json"
            switch loss {
            case .jailKilled, .otherSettings: break
            case .zygoteKilled: kill(zygote, SIGKILL)
            case .time: while !Self.isZombie(zygote) { try await Task.sleep(for: .milliseconds(20)) }
            case .otherProgram:
                try FileManager.default.setAttributes([.modificationDate: Date.distantPast], ofItemAtPath: rocklet)
            case .damagedNote: try Data("{\"version\":1,".utf8).write(to: URL(fileURLWithPath: note))
            case .damagedCgroups:
                try Data("[]".utf8).write(to: URL(fileURLWithPath: place.directory + "/run/cgroups.json"))
            }
            let next = loss == .otherSettings ? ", isolation: best-effort }" : " }"
            let left = try await place.serve(with: settings + next) { server in
                let client = try Client(http: server)
                let step = try await client.call("step", ["sandbox_id": lost, "action": "\\boxed{up}"])
                #expect(step["error"]?["message"]?.string?.contains(loss.sentence) ?? false, "\(step)")
                let kept = try await client.call("step", ["sandbox_id": other, "action": "\\boxed{up}"])
                #expect((kept["result"] == nil) == loss.isAll, "\(kept)")
                if loss == .damagedNote {
                    #expect(step.kind == "sandbox_closed")
                } else {
                    #expect(step.kind == "infra_failed")
                    #expect(try await Self.live(client)[lost.string ?? ""]?["state"] == "failed")
                    // It can be played again, and then outlives another server.
                    let again = try await client.result("reset", ["sandbox_id": lost, "seed": 42])
                    #expect(again["observation"] == first["observation"])
                }
                if loss.isAll { #expect(Self.isZombie(zygote), "the old environments' process lives") }
                return try descendants(of: server.process)
            }
            #expect(left.allSatisfy { kill($0, 0) != 0 })
            #expect(place.notes == [])
        }
    }

    /// A server that cannot start takes nothing with it.
    @Test func aServerThatDoesNotStartLeavesThemToTheNext() async throws {
        try await Place.use { place in
            let sandbox = try await place.serve(endingBy: SIGKILL) { server in
                let client = try Client(http: server)
                let sandbox = try await client.make(Self.sokoban)
                _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 42])
                return sandbox
            }
            let failed = try await EndToEndTests.run(
                Products.rockctl,
                ["admin", "start", "--host", "203.0.113.7", "--port", "0", "--data-dir", place.directory])
            #expect(failed.status != 0, "\(failed.output)")
            try await place.serve { server in
                let answer = try await Client(http: server).call(
                    "step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
                #expect(answer["result"] != nil, "\(answer)")
            }
        }
    }

    /// Where it is so configured, nothing outlives a server.
    @Test func withoutTimeTheyEndWithTheirServer() async throws {
        try await Place.use("sandboxes: { outlive_server_seconds: 0 }") { place in
            let zygote = try await place.serve(endingBy: SIGKILL) { server in
                _ = try await Client(http: server).make()
                return try server.zygote
            }
            while !Self.isZombie(zygote) { await Task.yield() }
            #expect(place.notes == [])
        }
    }
}
