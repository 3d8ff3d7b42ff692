import GEM
import Synchronization
import Testing
import Transport

@testable import SandboxHost

@Suite(.timeLimit(.minutes(2)))
struct CallTests {
    @Test func answersAndRefusesAsTheServiceInsideDoes() async throws {
        try await withHost { host in
            let sandbox = try await host.make()
            let early = try await sandbox.call("step", params: Array(#"{"action":"x"}"#.utf8))
            guard case .error(let error) = early else { return #expect(Bool(false), "stepped before make") }
            #expect(try JSON(parsing: String(decoding: error, as: UTF8.self))["data"]?["kind"]?.string == "not_reset")
            let made = try await sandbox.call("make", params: Array(#"{"env_id":"test:Hostile-v0"}"#.utf8))
            guard case .result(let result) = made else { return #expect(Bool(false), "make was refused") }
            #expect(
                try JSON(parsing: String(decoding: result, as: UTF8.self))["spec"]?["id"]?.string == "test:Hostile-v0")
            #expect(host.count == 1)
            await sandbox.close()
            #expect(host.count == 0)
        }
    }

    @Test func answersInTheOrderOfTheCalls() async throws {
        try await withHost { host in
            let sandbox = try await host.makeHostile()
            let order = Record<Int>()
            // From now on the sandbox answers on the loop of its callers, so they go on in the order of the answers.
            #expect(await sandbox.begin("output 1").value == nil)
            // One loop starts the calls in order, each up to its first suspension.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask(executorPreference: testLoops.loops[0]) {
                        try await sandbox.attempt("output \(number)")
                        order.add(number)
                    }
                }
                try await group.waitForAll()
            }
            #expect(order.elements == Array(0..<200))
        }
    }

    @Test func refusesMoreCallsThanMayWait() async throws {
        try await withHost {
            $0.maximumQueuedCalls = 2
        } _: { host in
            let sandbox = try await host.makeHostile()
            let endless = await sandbox.begin("loop")
            let second = await sandbox.begin("output 1")
            #expect(await sandbox.failure(after: "output 1")?.kind == .overloaded)
            await sandbox.close()
            #expect(await [endless.value?.kind, second.value?.kind] == [.sandboxClosed, .sandboxClosed])
        }
    }

    @Test func movesToTheLoopThatCalls() async throws {
        try await withHost { host in
            let sandbox = try await host.makeHostile()
            for loop in [testLoops.loops[1], testLoops.loops[0], testLoops.loops[1]] {
                let task = Task(executorPreference: loop) {
                    for number in 0..<20 { try await sandbox.attempt("output \(number)") }
                    return sandbox.state.withLock { $0.loop === loop && $0.leaving == nil }
                }
                #expect(try await task.value)
            }
        }
    }

    @Test func servesLoopsThatCallInTurns() async throws {
        try await withHost { host in
            let sandbox = try await host.makeHostile()
            try await withThrowingTaskGroup(of: Int.self) { group in
                for task in 0..<8 {
                    group.addTask(executorPreference: testLoops.loops[task % 2]) {
                        var answered = 0
                        for number in 0..<100 where try await sandbox.attempt("output \(number)").utf8.count == number {
                            answered += 1
                        }
                        return answered
                    }
                }
                for try await answered in group { #expect(answered == 100) }
            }
        }
    }

    @Test(arguments: [0, 1, 65_000, 65_536, 300_000, 1_000_000])
    func carriesBytesThatComeInPieces(count: Int) async throws {
        try await withHost { host in
            let sandbox = try await host.makeHostile()
            let observation = try await sandbox.attempt("output \(count)")
            #expect(observation.utf8.count == count)
            // The other way: a parameter that the service passes over.
            let params = Array(
                ("{\"action\":\"output 3\",\"session\":\"" + String(repeating: "y", count: count) + "\"}").utf8)
            guard case .result = try await sandbox.call("step", params: params) else {
                return #expect(Bool(false), "refused \(count) bytes")
            }
        }
    }

    @Test func refusesANameInUseAndSenselessLimits() async throws {
        try await withHost {
            $0.maximumSandboxes = 2
        } _: { host in
            let id = SandboxID.random()
            let first = try await host.make(id: id)
            let second = try await host.make()
            let refusals: [(SandboxID, Limits?, Failure.Kind)] = [
                (id, nil, .invalidArgument),
                (.random(), nil, .overloaded),
                (.random(), Limits(memoryBytes: 1), .invalidArgument),
                (.random(), Limits(memoryBytes: 64 << 20, cpus: .nan), .invalidArgument),
                (.random(), Limits(memoryBytes: 64 << 20, processes: 0), .invalidArgument),
            ]
            for (id, limits, kind) in refusals {
                let failure = await #expect(throws: Failure.self) { _ = try await host.make(id: id, limits: limits) }
                #expect(failure?.kind == kind)
            }
            await first.close()
            await second.close()
            // A name is free again after close, as reviving an environment needs.
            let again = try await host.make(id: id)
            #expect(again.failure == nil)
        }
    }

    @Test(arguments: [("", false), ("A", false), ("../etc", false), ("a b", false), ("a-1", true)])
    func checksNames(text: String, isName: Bool) {
        #expect((SandboxID(rawValue: text) != nil) == isName)
    }
}
