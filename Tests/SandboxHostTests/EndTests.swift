import GEM
import Glibc
import Synchronization
import Testing
import Transport

@testable import SandboxHost

@Suite(.timeLimit(.minutes(2)))
struct EndTests {
    /// What an environment does, the kind of failure that it is, and a word of the sentence.
    static let ends: [(deed: String, kind: Failure.Kind, word: String)] = [
        ("trap", .envFailed, "SIG"),
        ("abort", .envFailed, "SIG"),
        ("stack", .envFailed, "SIGSEGV"),
        ("exit 7", .envFailed, "status 7"),
        ("exit 201", .infraFailed, "cgroup"),
        ("send nonsense", .infraFailed, "answered something else"),
        (#"send {"id":3,"result":{}"#, .infraFailed, "bad JSON"),
        (#"send {"id":3,"result":{]}"#, .infraFailed, "bad JSON"),
        (#"send {"id":3,"result":}"#, .infraFailed, "bad JSON"),
        (#"send {"id":3,"outcome":1}"#, .infraFailed, "without a result"),
        (#"send {"id":4,"result":1}"#, .infraFailed, "answered something else"),
        ("send {\"id\":3,\"result\":1}\n{\"id\":4,\"result\":2}", .infraFailed, "sandbox"),
        ("output 3000000", .infraFailed, "more than 2000000 bytes"),
    ]

    @Test(arguments: ends)
    func saysHowItEnded(deed: String, kind: Failure.Kind, word: String) async throws {
        try await withHost {
            $0.maximumReplyBytes = 2_000_000
        } _: { host in
            let told = Record<Failure>()
            let neighbour = try await host.makeHostile()
            let limits = Limits(memoryBytes: 64 << 20)
            let sandbox = try await host.makeHostile(limits: limits) { told.add($0) }
            let failure = await sandbox.failure(after: deed)
            #expect(failure?.kind == kind)
            #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "it lives")")
            // It says the same from then on, to its owner too, and nobody else has noticed.
            #expect(await sandbox.failure(after: "output 1") == failure)
            #expect(sandbox.failure == failure)
            #expect(told.elements == [failure].compactMap(\.self))
            #expect(try await neighbour.attempt("output 5") == "xxxxx")
            await sandbox.close()
            #expect(sandbox.failure?.kind == .sandboxClosed)
        }
    }

    @Test func endsWhatTakesTooLong() async throws {
        try await withHost { host in
            let sandbox = try await host.makeHostile()
            // Warm the timer for a far deadline first: the nearer one must count.
            try await sandbox.attempt("output 1", limit: .seconds(600))
            let endless = await sandbox.begin("loop", limit: .milliseconds(50))
            let queued = await sandbox.begin("output 1", limit: .seconds(600))
            #expect(await endless.value?.kind == .timeout)
            #expect(await queued.value?.kind == .timeout)
            await sandbox.jail.ended()
            #expect(kill(sandbox.process, 0) == -1 && errno == ESRCH)
        }
    }

    @Test func saysThatItWasKilledFromOutside() async throws {
        try await withHost { host in
            let sandboxes = [try await host.makeHostile(), try await host.makeHostile()]
            let failure = await sandboxes[0].begin("loop")
            #expect(kill(sandboxes[0].process, SIGKILL) == 0)
            #expect(await failure.value?.kind == .infraFailed)
            #expect(await failure.value?.message.contains("killed from outside") == true)
            #expect(try await sandboxes[1].attempt("output 3") == "xxx")
        }
    }

    @Test func startsAnotherZygoteWhenOneIsKilled() async throws {
        try await withHost { host in
            let sandbox = try await host.makeHostile()
            let idle = try await host.makeHostile()
            let failure = await sandbox.begin("loop")
            let zygote = try await host.zygote()
            #expect(kill(zygote.process, SIGKILL) == 0)
            #expect(await failure.value?.kind == .infraFailed)
            await idle.jail.ended()
            #expect(idle.failure?.kind == .infraFailed)
            // The kernel has ended the jails with it, the endless loop included.
            #expect(kill(sandbox.process, 0) == -1 && errno == ESRCH)
            let next = try await host.makeHostile()
            #expect(try await next.attempt("output 3") == "xxx")
            #expect(try await host.zygote() !== zygote)
        }
    }

    @Test func closesOnceAndForAllCallers() async throws {
        try await withHost { host in
            let sandbox = try await host.makeHostile()
            let call = await sandbox.begin("loop")
            await withTaskGroup { group in
                for loop in testLoops.loops + testLoops.loops {
                    group.addTask(executorPreference: loop) { await sandbox.close() }
                }
            }
            #expect(await call.value?.kind == .sandboxClosed)
            #expect(kill(sandbox.process, 0) == -1 && errno == ESRCH)
            await sandbox.close()
            #expect(host.count == 0)
        }
    }

    @Test func answersEveryCallWhenTheHostShutsDown() async throws {
        try await withHost { host in
            let sandboxes = [try await host.makeHostile(), try await host.makeHostile()]
            let first = await sandboxes[0].begin("loop")
            let second = await sandboxes[1].begin("loop")
            await host.shutDown()
            #expect(await [first.value?.kind, second.value?.kind] == [.shuttingDown, .shuttingDown])
            let late = await #expect(throws: Failure.self) { _ = try await host.make() }
            #expect(late?.kind == .shuttingDown)
        }
    }
}
