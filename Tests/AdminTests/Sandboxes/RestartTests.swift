import GEM
import Registry
import SandboxHost
import Testing
import Transport

@testable import Admin

/// A server that was killed, and the next one.
@Suite(.timeLimit(.minutes(1))) struct RestartTests {
    @Test func whatRunsGoesOnAndWhatDiedIsToldApart() async throws {
        let fixture = try DirectoryFixture()
        let first = try await fixture.start()
        for id in ["alive", "dead", "stopped"] { try await first.run(id) }
        try await first.directory.stop("stopped", for: first.caller)
        first.driver.hold()
        _ = try await first.begin("pending")
        await first.driver.arrived(4)
        await first.kill()
        fixture.room.end("dead")
        // What a kill at the wrong instant leaves: processes without a row, and processes whose row says stopped.
        let limits = SandboxLimits(memoryBytes: 1 << 30, cpus: 1)
        for id in ["nobodys", "stopped"] {
            let name = try #require(SandboxID(rawValue: id))
            _ = fixture.room.start(SandboxSpecification(id: name, image: "python:3.11", limits: limits))
        }

        let second = try await fixture.start()
        #expect(second.state("alive") == .running)
        let isAlive = second.directory.isAlive("alive", for: second.caller)
        #expect(isAlive)
        #expect(second.state("dead") == .stopped)
        #expect(second.registry.record("dead")?.history.last?.event == .lost)
        #expect(second.registry.record("dead")?.reason?.contains("while the server was down") == true)
        #expect(second.state("pending") == .stopped)
        #expect(second.registry.record("pending")?.history.last?.event == .startFailed)
        #expect(second.state("stopped") == .stopped)
        #expect(fixture.room.running == ["alive"])
        #expect(fixture.room.stopped.contains("stopped"))
        #expect(!fixture.room.stopped.contains("nobodys"))
        // Its end is noticed as if it had been started here.
        fixture.room.end("alive")
        #expect(try await second.wait("alive", until: [.stopped]).history.last?.event == .lost)
        #expect(try await second.registry.billing().map(\.sandboxID).sorted() == ["alive", "dead", "stopped"])
        await second.kill()
    }

    @Test func aSandboxThatCameUpUnseenIsTakenOver() async throws {
        let fixture = try DirectoryFixture()
        let first = try await fixture.start { $0.hold() }
        _ = try await first.begin("late")
        await first.driver.arrived(1)
        await first.kill()
        // The driver had it running when the server was killed, and its row still said pending.
        let name = try #require(SandboxID(rawValue: "late"))
        let limits = SandboxLimits(memoryBytes: 1 << 30, cpus: 1)
        _ = fixture.room.start(SandboxSpecification(id: name, image: "python:3.11", limits: limits))
        let second = try await fixture.start()
        #expect(second.state("late") == .running)
        try await second.directory.stop("late", for: second.caller)
        #expect(second.state("late") == .stopped)
        await second.kill()
    }

    @Test func aDriverThatDoesNotAnswerKeepsItsRows() async throws {
        let fixture = try DirectoryFixture()
        let first = try await fixture.start()
        try await first.run("kept")
        await first.kill()
        let second = try await fixture.start { driver in
            driver.set { $0.adopt = Failure(.infraFailed, "The engine is down.") }
        }
        #expect(second.state("kept") == .running)
        #expect(await failureKind { try await second.directory.agent(of: "kept", for: second.caller) } == .infraFailed)
        #expect(await failureKind { try await second.directory.stop("kept", for: second.caller) } == .infraFailed)
        #expect(second.state("kept") == .running)
        // The next call finds it, as soon as the engine is back.
        second.driver.set { $0.adopt = nil }
        #expect(await failureKind { try await second.directory.agent(of: "kept", for: second.caller) } == nil)
        try await second.directory.stop("kept", for: second.caller)
        #expect(second.state("kept") == .stopped)
        await second.kill()
    }

    @Test func whatASandboxLostIsToldByItsStatus() async throws {
        let fixture = try DirectoryFixture()
        let first = try await fixture.start()
        try await first.run("poorer")
        await first.kill()
        let second = try await fixture.start { driver in driver.set { $0.losses = ["Its ports are gone."] } }
        #expect(second.state("poorer") == .running)
        let bytes = try await second.directory.inspect("poorer", for: second.caller)
        let inspected = try JSON(parsing: String(decoding: bytes, as: UTF8.self))
        #expect(inspected["losses"]?[0]?.string == "Its ports are gone.")
        #expect(inspected["status"]?["status"]?["docker_run"]?["message"]?.string == "Its ports are gone.")
        await second.kill()
    }

    @Test func aPoliteEndGivesUpStartsAndLeavesTheRest() async throws {
        let fixture = try DirectoryFixture { $0.concurrentStarts = 1 }
        let server = try await fixture.start()
        try await server.run("stays")
        server.driver.hold()
        _ = try await server.begin("starting")
        await server.driver.arrived(2)
        _ = try await server.begin("waiting")
        async let end: Void = server.directory.shutDown()
        _ = try await server.wait("starting", until: [.stopped])
        server.driver.release()
        await end
        await server.kill()
        #expect(fixture.room.running == ["stays"])
        let next = try await fixture.start()
        #expect(["stays", "starting", "waiting"].map { next.state($0) } == [.running, .stopped, .stopped])
        #expect(await failureKind { try await server.begin("late") } == .shuttingDown)
        await next.kill()
    }

    @Test func leasesOfConnectionsEndWithTheServer() async throws {
        let fixture = try DirectoryFixture()
        let first = try await fixture.start()
        try await first.run("leased") { $0.lease = .connection }
        await first.kill()
        let second = try await fixture.start()
        #expect(second.state("leased") == .stopped)
        #expect(fixture.room.running.isEmpty)
        await second.kill()
    }

    @Test func withoutARegistryEveryCallSaysWhy() async throws {
        let failure = Failure(.infraFailed, "The registry is damaged.")
        let machine = Machine(drivers: [], defaultDriver: "jail", loops: try .init(count: 1))
        let directory = SandboxDirectory(
            store: .failure(failure), machine: machine, configuration: .init(), clock: ManualTime().clock,
            complain: { _ in })
        await directory.begin()
        let caller = SandboxCaller()
        #expect(await failureKind { try await directory.start(SandboxStart(), by: caller) } == .infraFailed)
        #expect(await failureKind { try await directory.stop("x", for: caller) } == .infraFailed)
        let isAlive = directory.isAlive("x", for: caller)
        #expect(!isAlive)
        await directory.shutDown()
    }
}
