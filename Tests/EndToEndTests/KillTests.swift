import GEM
import Glibc
import Synchronization
import Testing

/// `kill -9` while many clients play: whoever lost something is told so, and nobody else notices.
@Suite(.timeLimit(.minutes(3)), .serialized) struct KillTests {
    private static let connections = 16
    private static let failures: Set<String> = ["env_failed", "infra_failed"]

    /// Plays on every sandbox until `isOver`, one connection each.
    ///
    /// - Returns: The first error of each sandbox, `nil` where all went well, and how many steps were answered.
    private func play(
        _ sandboxes: [JSON], on server: RunningServer, until isOver: @escaping @Sendable () -> Bool,
        progress: @escaping @Sendable (Int) -> Void
    ) async throws -> [JSON?] {
        try await withThrowingTaskGroup(of: (Int, JSON?).self) { group in
            for (place, sandbox) in sandboxes.enumerated() {
                group.addTask {
                    let client = try Client(http: server)
                    while !isOver() {
                        let answer = try await client.call("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
                        progress(place)
                        if answer["result"] == nil { return (place, answer) }
                    }
                    return (place, nil)
                }
            }
            var errors = [JSON?](repeating: nil, count: sandboxes.count)
            for try await (place, error) in group { errors[place] = error }
            return errors
        }
    }

    @Test func killedJailsHarmNoNeighbour() async throws {
        try await RunningServer.run(configuration: "sandboxes: { warm_pool: 0 }") { server in
            let client = try Client(http: server)
            let known = try await server.makeKnown(
                Self.connections, over: client,
                ["env_id": "game:Sokoban-v0-easy", "kwargs": ["max_turns": 1_000_000_000]])
            for (sandbox, _) in known { _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 42]) }

            // Every third dies when it has played a little; the others go on until each has played 100 more steps.
            let victims = Set(known.indices.filter { $0 % 3 == 0 })
            let steps = Mutex([Int](repeating: 0, count: known.count))
            let errors = try await play(known.map(\.sandbox), on: server) {
                steps.withLock { steps in steps.indices.allSatisfy { victims.contains($0) || steps[$0] >= 200 } }
            } progress: { place in
                let count = steps.withLock { steps in
                    steps[place] += 1
                    return steps[place]
                }
                if count == 20, victims.contains(place) { kill(known[place].process, SIGKILL) }
            }
            for (place, error) in errors.enumerated() {
                if victims.contains(place) {
                    #expect(Self.failures.contains(error?.kind ?? ""), "\(place): \(String(describing: error))")
                } else {
                    #expect(error == nil, "\(place): \(String(describing: error))")
                }
            }
            for place in victims {
                let sandbox = known[place].sandbox
                let again = try await client.call("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
                #expect(again["error"]?["data"] == errors[place]?["error"]?["data"])
                _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 42])
                _ = try await client.result("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
            }
            // As many jails as before, and no zombie among the descendants.
            #expect(try descendants(of: server.process).count == known.count + 1)
        }
    }

    @Test func aKilledZygoteIsReplaced() async throws {
        try await RunningServer.run(configuration: "sandboxes: { warm_pool: 4 }") { server in
            let client = try Client(http: server)
            var sandboxes: [JSON] = []
            for _ in 0..<Self.connections {
                sandboxes.append(
                    try await client.make(
                        ["env_id": "game:Sokoban-v0-easy", "kwargs": ["max_turns": 1_000_000_000]]))
                _ = try await client.result("reset", ["sandbox_id": sandboxes[sandboxes.count - 1], "seed": 42])
            }
            let zygote = try server.zygote
            let steps = Atomic(0)
            let errors = try await play(sandboxes, on: server) {
                false
            } progress: { _ in
                if steps.wrappingAdd(1, ordering: .relaxed).newValue == 300 { kill(zygote, SIGKILL) }
            }
            #expect(errors.allSatisfy { Self.failures.contains($0?.kind ?? "") }, "\(errors.compactMap(\.self))")
            let first = try await client.result("reset", ["sandbox_id": sandboxes[0], "seed": 42])
            for sandbox in sandboxes.dropFirst() {
                let revived = try await client.result("reset", ["sandbox_id": sandbox, "seed": 42])
                #expect(revived["observation"] == first["observation"])
            }
            _ = try await client.make()
            #expect(try server.zygote != zygote)
        }
    }
}
