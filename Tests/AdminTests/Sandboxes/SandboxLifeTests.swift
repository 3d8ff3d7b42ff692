import GEM
import Registry
import SandboxHost
import Testing

@testable import Admin

/// The life of sandboxes as their clients see it.
@Suite(.timeLimit(.minutes(1))) struct SandboxLifeTests {
    @Test func startsRunsStopsRestartsAndDeletes() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let id = try await server.run("box-1") { $0.cpus = 1 }
        let status = try await server.status(id)
        #expect(status["is_alive"] == true)
        #expect(status["state"] == "running")
        #expect(status["port_mapping"]?["22555"]?.int == 30_000)
        #expect(status["status"]?["image_pull"]?["status"] == "success")
        #expect(status["status"]?["docker_run"]?["message"] == "docker run success")
        #expect(status["isolation"] == "complete")
        #expect(status["host_name"]?.string?.isEmpty == false)

        try await server.directory.stop(id, for: server.caller)
        #expect(server.state(id) == .stopped)
        #expect(fixture.room.stopped == [id])
        let restarted = try await server.directory.restart(id, for: server.caller)
        #expect(restarted.state == .pending)
        #expect(restarted.phases == SandboxPhase.initial)
        #expect(try await server.directory.startEnd(of: id, for: server.caller).state == .running)
        try await server.directory.stop(id, for: server.caller)
        try await server.directory.delete(id, for: server.caller)
        #expect(server.state(id) == .deleted)
        #expect(fixture.room.all.isEmpty)
        #expect(server.driver.calls == ["start box-1", "stop box-1", "restart box-1", "stop box-1", "remove box-1"])
        let bills = try await server.registry.billing()
        #expect(bills.map(\.sandboxID) == ["box-1", "box-1"])
        await server.kill()
    }

    /// What each call does in each state: `nil` where it succeeds.
    @Test func everyStateAllowsWhatItShould() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        try await server.run("running")
        try await server.run("stopped")
        try await server.directory.stop("stopped", for: server.caller)
        try await server.run("deleted") { $0.autoDeleteSeconds = 0 }
        try await server.directory.stop("deleted", for: server.caller)
        server.driver.hold()
        _ = try await server.begin("pending")
        await server.driver.arrived(4)
        let table: [(id: String, state: SandboxState?, refusals: [Failure.Kind?])] = [
            // status, status of all states, restart, delete, agent, statistics, archive
            (
                "nobody", nil,
                [
                    .unknownSandbox, .unknownSandbox, .unknownSandbox, nil, .unknownSandbox, .unknownSandbox,
                    .unknownSandbox,
                ]
            ),
            ("pending", .pending, [nil, nil, .conflict, .conflict, .conflict, .conflict, .invalidArgument]),
            ("running", .running, [nil, nil, .conflict, .conflict, nil, nil, .invalidArgument]),
            ("deleted", .deleted, [.unknownSandbox, nil, .conflict, nil, .conflict, .conflict, .invalidArgument]),
        ]
        let (directory, caller) = (server.directory, server.caller)
        for row in table {
            #expect(server.state(row.id) == row.state)
            let kinds = [
                await failureKind { try await directory.status(of: row.id, includesAllStates: false, for: caller) },
                await failureKind { try await directory.status(of: row.id, includesAllStates: true, for: caller) },
                await failureKind { try await directory.restart(row.id, for: caller) },
                await failureKind { try await directory.delete(row.id, for: caller) },
                await failureKind { try await directory.agent(of: row.id, for: caller) },
                await failureKind { try await directory.statistics(of: row.id, for: caller) },
                await failureKind { try await directory.archive(row.id, for: caller) },
            ]
            #expect(kinds == row.refusals, "\(row.id)")
            #expect(server.state(row.id) == row.state)
        }
        // Stopping what does not run is no failure, whatever it is.
        for id in ["nobody", "stopped", "deleted"] { try await directory.stop(id, for: caller) }
        #expect(await failureKind { try await directory.delete("stopped", for: caller) } == nil)
        server.driver.release()
        _ = try await directory.startEnd(of: "pending", for: caller)
        #expect(server.driver.overlaps.isEmpty)
        await server.kill()
    }

    @Test func aStartThatFailsSaysWhyAndLeavesNothing() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start { driver in
            driver.set { $0.start = Failure(.infraFailed, "Failed to pull image none. No such image.") }
        }
        let id = try await server.begin { $0.image = "none" }.record.id
        #expect(await failureKind { try await server.directory.startEnd(of: id, for: server.caller) } == .infraFailed)
        let status = try await server.status(id)
        #expect(status["state"] == "stopped")
        #expect(status["status"]?["image_pull"]?["status"] == "failed")
        #expect(status["status"]?["image_pull"]?["message"]?.string?.hasPrefix("Failed to pull image none.") == true)
        #expect(try await server.registry.billing().isEmpty)
        // Nothing of it is left, so it starts from the image again.
        server.driver.set { $0.start = nil }
        _ = try await server.directory.restart(id, for: server.caller)
        #expect(try await server.directory.startEnd(of: id, for: server.caller).state == .running)
        await server.kill()
    }

    @Test(arguments: [false, true]) func aStartCanBeGivenUp(isWaiting: Bool) async throws {
        let fixture = try DirectoryFixture { $0.concurrentStarts = 1 }
        let server = try await fixture.start { $0.hold() }
        let first = try await server.begin("first").record.id
        await server.driver.arrived(1)
        let second = try await server.begin("second").record.id
        let id = isWaiting ? second : first
        try await server.directory.stop(id, for: server.caller)
        #expect(server.state(id) == .stopped)
        server.driver.release()
        let other = isWaiting ? first : second
        #expect(try await server.directory.startEnd(of: other, for: server.caller).state == .running)
        // Whoever wants the id again waits until nothing of it is left.
        _ = try await server.directory.restart(id, for: server.caller)
        #expect(try await server.directory.startEnd(of: id, for: server.caller).state == .running)
        #expect(fixture.room.running == ["first", "second"])
        #expect(server.driver.overlaps.isEmpty)
        await server.kill()
    }

    @Test func aStartThatTakesTooLongIsGivenUp() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start { $0.hold() }
        let id = try await server.begin { $0.startupTimeout = 60 }.record.id
        await server.driver.arrived(1)
        fixture.time.advance(bySeconds: 61)
        let record = try await server.wait(id, until: [.stopped])
        #expect(record.reason?.contains("60") == true)
        server.driver.release()
        await server.directory.settled(try #require(SandboxID(rawValue: id)))
        #expect(fixture.room.all.isEmpty)
        await server.kill()
    }

    @Test(arguments: [false, true]) func oneThatEndsByItselfIsLost(atOnce: Bool) async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start { driver in driver.set { $0.diesAtOnce = atOnce } }
        let id = try await server.begin().record.id
        if !atOnce {
            _ = try await server.wait(id, until: [.running])
            fixture.room.end(id, SandboxEnd(signal: 9, ranOutOfMemory: true, reason: "Killed."))
        }
        let record = try await server.wait(id, until: [.stopped])
        #expect(record.history.last?.event == .lost)
        if !atOnce { #expect(record.reason == "It ran out of memory and was killed. Killed.") }
        // What ended before anybody knew that it ran is not billed.
        if !atOnce { #expect(try await server.registry.billing().count == 1) }
        await server.kill()
    }

    @Test func aDriverThatCannotStopLeavesItRunning() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let id = try await server.run()
        server.driver.set { $0.stop = Failure(.infraFailed, "The engine is down.") }
        #expect(await failureKind { try await server.directory.stop(id, for: server.caller) } == .infraFailed)
        #expect(server.state(id) == .running)
        let isAlive = server.directory.isAlive(id, for: server.caller)
        #expect(isAlive)
        server.driver.set { $0.stop = nil }
        try await server.directory.stop(id, for: server.caller)
        #expect(server.state(id) == .stopped)
        await server.kill()
    }

    @Test func manyStopsAtOnceAreOne() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let id = try await server.run()
        await withTaskGroup(of: Failure.Kind?.self) { group in
            for _ in 1...16 {
                group.addTask { await failureKind { try await server.directory.stop(id, for: server.caller) } }
            }
            for await kind in group { #expect(kind == nil) }
        }
        #expect(server.driver.calls.count { $0.hasPrefix("stop") } == 1)
        #expect(try await server.registry.billing().count == 1)
        await server.kill()
    }

    @Test func namespacesSeeOnlyTheirOwn() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        var mine = server
        mine.caller.namespace = "mine"
        mine.caller.namespaces = ["mine"]
        try await server.run("theirs")
        try await mine.run("own")
        let (directory, caller) = (server.directory, mine.caller)
        #expect(
            await failureKind { try await directory.status(of: "theirs", includesAllStates: true, for: caller) }
                == .unknownSandbox)
        try await directory.stop("theirs", for: caller)
        #expect(server.state("theirs") == .running)
        let isAlive = directory.isAlive("theirs", for: caller)
        #expect(!isAlive)
        let listed = JSON(try directory.list(try SandboxListing([], most: 100), for: caller))
        #expect(listed["total"]?.int == 1)
        #expect(listed["items"]?[0]?["sandbox_id"] == "own")
        let batch = JSON(try directory.statuses(of: ["theirs", "own", "none"], for: caller))
        #expect(batch["statuses"]?.array?.count == 1)
        await server.kill()
    }
}
