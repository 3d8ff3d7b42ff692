import GEM
import Registry
import SandboxHost
import Synchronization
import Testing

@testable import Admin

@Suite(.timeLimit(.minutes(1))) struct TimerTests {
    @Test func anIdleSandboxIsStoppedThenDeleted() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let id = try await server.run {
            $0.autoClearMinutes = 2
            $0.autoDeleteSeconds = 300
        }
        fixture.time.advance(bySeconds: 119)
        #expect(server.state(id) == .running)
        fixture.time.advance(bySeconds: 1)
        let stopped = try await server.wait(id, until: [.stopped])
        #expect(stopped.history.last?.event == .autoClear)
        #expect(stopped.reason?.contains("120 seconds") == true)
        fixture.time.advance(bySeconds: 300)
        let deleted = try await server.wait(id, until: [.deleted])
        #expect(deleted.history.last?.event == .autoDelete)
        await server.directory.settled(try #require(SandboxID(rawValue: id)))
        #expect(fixture.room.all.isEmpty)
        await server.kill()
    }

    @Test func whatWasDeletedLongAgoIsForgotten() async throws {
        let fixture = try DirectoryFixture { $0.forgetDeletedSeconds = 1000 }
        let first = try await fixture.start()
        let id = try await first.run { $0.autoDeleteSeconds = 0 }
        try await first.directory.stop(id, for: first.caller)
        await first.kill()
        for (seconds, isKnown) in [(999, true), (2, false)] as [(Int64, Bool)] {
            fixture.time.advance(bySeconds: seconds)
            let server = try await fixture.start()
            #expect((server.registry.record(id) != nil) == isKnown)
            await server.kill()
        }
    }

    /// What counts as a use, and what does not.
    @Test(arguments: ["status", "is_alive", "agent", "statistics", "list", "batch"])
    func usesPutTheLimitOff(_ call: String) async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let id = try await server.run { $0.autoClearMinutes = 2 }
        fixture.time.advance(bySeconds: 100)
        let (directory, caller) = (server.directory, server.caller)
        switch call {
        case "status": _ = try await directory.status(of: id, includesAllStates: false, for: caller)
        case "is_alive": _ = directory.isAlive(id, for: caller)
        case "agent": _ = try await directory.agent(of: id, for: caller)
        case "statistics": _ = try await directory.statistics(of: id, for: caller)
        case "list": _ = try directory.list(try SandboxListing([], most: 10), for: caller)
        default: _ = try directory.statuses(of: [id], for: caller)
        }
        let deadline = try #require(server.registry.record(id)?.autoStopTime)
        let isUse = ["status", "is_alive", "agent"].contains(call)
        #expect(deadline.seconds(since: fixture.time.now) == (isUse ? 120 : 20))
        fixture.time.advance(bySeconds: 60)
        if isUse {
            #expect(server.state(id) == .running)
            fixture.time.advance(bySeconds: 60)
        }
        #expect(try await server.wait(id, until: [.stopped]).history.last?.event == .autoClear)
        await server.kill()
    }

    @Test func whatADriverRefusesIsTriedAgain() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let id = try await server.run { $0.autoClearMinutes = 1 }
        server.driver.set { $0.stop = Failure(.infraFailed, "The engine is down.") }
        await server.directory.handleDeadlines()
        fixture.time.advance(bySeconds: 61)
        await server.directory.handleDeadlines()
        #expect(server.state(id) == .running)
        #expect(fixture.complaints.withLock { $0.contains { $0.contains("The engine is down.") } })
        server.driver.set { $0.stop = nil }
        fixture.time.advance(bySeconds: 10)
        _ = try await server.wait(id, until: [.stopped])
        await server.kill()
    }

    @Test func waitingEndsWithTheStateOrTheTime() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let id = try await server.run()
        let (directory, caller) = (server.directory, server.caller)
        async let stopped = directory.wait(for: id, until: [.stopped], timeout: .seconds(60), caller)
        try await directory.stop(id, for: caller)
        #expect(try await stopped.state == .stopped)
        // The time is over at once: the answer is what is.
        let same = try await directory.wait(for: id, until: [.running], timeout: .zero, caller)
        #expect(same.state == .stopped)
        #expect(
            await failureKind { try await directory.wait(for: "x", until: [.running], timeout: .zero, caller) }
                == .unknownSandbox)
        await server.kill()
    }

    @Test func changesCanBeFollowed() async throws {
        let fixture = try DirectoryFixture()
        let server = try await fixture.start()
        let id = try await server.run()
        try await server.directory.stop(id, for: server.caller)
        var moves: [String] = []
        var sequence: Int64 = 0
        while moves.last != "stopped" {
            let page = try await server.directory.changes(
                since: sequence, limit: 3, timeout: .seconds(60), for: server.caller)
            #expect(!page.events.isEmpty && page.events.count <= 3 && page.next > sequence)
            sequence = page.next
            moves += page.events.map { JSON($0) }.filter { $0["event"] != .null }.compactMap { $0["to_state"]?.string }
        }
        #expect(moves == ["pending", "running", "stopped"])
        let rest = try await server.directory.changes(since: sequence, limit: 3, timeout: .zero, for: server.caller)
        #expect(rest.events.isEmpty && rest.next == sequence)
        await server.kill()
    }
}
