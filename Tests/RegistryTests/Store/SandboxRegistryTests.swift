import Glibc
import Synchronization
import Testing

@testable import Registry

@Suite struct SandboxRegistryTests {
    /// Three sandboxes: one running with everything set, one stopped, one deleted at its stop.
    private func fill(_ registry: SandboxRegistry, _ clock: ManualClock) async throws {
        var full = SandboxRequest(id: "full")
        full.image = "registry.example/python:3.11"
        full.userID = "ünï"
        full.limitCPUs = 4
        full.numGPUs = 0.5
        full.acceleratorType = "a100"
        full.disk = "50G"
        full.diskLimitRootfs = "10g"
        full.authToken = "token"
        full.authorizationEncrypted = "c2VjcmV0"
        full.createUserGrayFlag = true
        full.autoArchiveSeconds = 100
        full.labels = ["team": "blue", "task": "django-1"]
        full.blueprint = Array("{}".utf8)
        var short = SandboxRequest(id: "short")
        short.autoDeleteSeconds = 0
        let requests = [full, SandboxRequest(id: "plain"), short]
        try await registry.write { transaction in
            for request in requests { try transaction.create(request) }
        }
        clock.advance(bySeconds: 3)
        try await registry.write { transaction in
            for request in requests { try transaction.move(request.id, by: .alive) }
            try transaction.update("full") { record in
                record.hostID = "host-1"
                record.hostName = "worker-1.cluster.example"
                record.hostIP = "10.0.0.1"
                record.ports = [PortMapping(inside: 22555, host: 40_001), PortMapping(inside: 22, host: 40_002)]
                record.phases = [
                    SandboxPhase(
                        "image_pull", .success, message: "“cached”", startedAt: transaction.time, completedAt: nil)
                ]
            }
        }
        clock.advance(bySeconds: 3)
        try await registry.write { transaction in
            try transaction.move("plain", by: .lost, reason: "the host is gone")
            try transaction.move("short", by: .stop)
        }
    }

    @Test func everythingIsThereAfterARestart() async throws {
        let fixture = try RegistryFixture()
        var registry = try fixture.open()
        try await fill(registry, fixture.clock)
        let ids = ["full", "plain", "short", "unknown"]
        let before = registry.records(ids)
        #expect(before.map(\.state) == [.running, .stopped, .deleted])
        await registry.close()
        registry = try fixture.open()
        #expect(registry.records(ids) == before)
        #expect(try await registry.blueprint(of: "full") == Array("{}".utf8))
        #expect(try await registry.history(of: "short").map(\.event) == [.create, .alive, .stop, .autoDelete])
        #expect(registry.latestChange == 10)
        #expect(registry.counts() == [.pending: 0, .running: 1, .stopped: 1, .deleted: 1, .archiving: 0, .archived: 0])
    }

    @Test func aBodyThatThrowsLeavesNothingAndItsNeighboursStay() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        // All of them wait in one group behind the first, which holds the writer.
        let results = await withTaskGroup(of: RegistryError.Code?.self, returning: [RegistryError.Code?].self) {
            group in
            for turn in 0..<20 {
                group.addTask {
                    await RegistryError.code {
                        try await registry.write { transaction in
                            try transaction.create(SandboxRequest(id: "box-\(turn)"))
                            try transaction.create(SandboxRequest(id: turn % 2 == 0 ? "shared" : "own-\(turn)"))
                        }
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count { $0 == .alreadyExists } == 9 && results.count { $0 == nil } == 11)
        var query = SandboxQuery()
        query.limit = 100
        let page = try registry.list(query)
        // Two for each that was kept, none for the others.
        #expect(page.total == 22 && Set(page.records.map(\.serial)) == Set(1...22))
        #expect(page.records.map(\.revision) == Array(1...22) && registry.latestChange == 22)
    }

    @Test func aTransactionSeesItsOwnChanges() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        try await registry.write { transaction in
            try transaction.create(SandboxRequest(id: "box"))
            try transaction.move("box", by: .stop)
            try transaction.move("box", by: .delete)
            // The id is free again at once.
            try transaction.create(SandboxRequest(id: "box"))
            #expect(transaction.record("box")?.state == .pending)
        }
        #expect(registry.record("box")?.serial == 2)
        #expect(registry.counts()[.deleted] == 1)
    }

    @Test(arguments: [
        ("", 1.0), (String(repeating: "x", count: 129), 1.0), ("box", Double.nan), ("box", .infinity), ("box", -1),
    ])
    func refusesWhatNoFileCouldHold(id: String, cpus: Double) async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        var request = SandboxRequest(id: id)
        request.cpus = cpus
        let code = await RegistryError.code {
            _ = try await registry.write { [request] transaction in try transaction.create(request) }
        }
        #expect(code == .invalidArgument && registry.counts()[.pending] == 0)
    }

    @Test func limitsHoldForEveryTextAClientSends() {
        let long = String(repeating: "x", count: SandboxRequest.textLimit + 1)
        let changes: [(inout SandboxRequest) -> Void] = [
            { $0.image = long }, { $0.userID = long }, { $0.experimentID = long }, { $0.namespace = long },
            { $0.clusterName = long }, { $0.disk = long }, { $0.acceleratorType = long }, { $0.labels = ["a": long] },
            { $0.labels = [long: "a"] }, { $0.labels = ["": "a"] }, { $0.autoClearSeconds = -1 },
            { $0.labels = Dictionary(uniqueKeysWithValues: (0...32).map { ("\($0)", "") }) },
            { $0.blueprint = [UInt8](repeating: 0, count: SandboxRequest.blueprintLimit + 1) }, { $0.memoryBytes = -1 },
        ]
        let codes = changes.map { change in
            var request = SandboxRequest(id: "box")
            change(&request)
            return RegistryError.code { try request.check() }
        }
        #expect(codes.allSatisfy { $0 == .invalidArgument })
    }

    @Test func aFullQueueRefusesAndLaterTakesAgain() async throws {
        var fixture = try RegistryFixture()
        fixture.configuration.queueLimit = 4
        let registry = try fixture.open()
        let isHeld = AsyncStream.makeStream(of: Void.self)
        let gate = Gate()
        // The first write holds the writer until the gate opens, so the queue behind it fills.
        async let first: Void = registry.write { _ in
            isHeld.continuation.yield()
            gate.pass()
        }
        for await _ in isHeld.stream { break }
        let codes = await withTaskGroup(of: RegistryError.Code?.self, returning: [RegistryError.Code?].self) { group in
            for turn in 0..<10 {
                group.addTask {
                    await RegistryError.code {
                        _ = try await registry.write { try $0.create(SandboxRequest(id: "box-\(turn)")) }
                    }
                }
            }
            var codes: [RegistryError.Code?] = []
            for await code in group {
                codes.append(code)
                // Six of ten find no room; the four that wait need the first to end.
                if codes.count == 6 { gate.open() }
            }
            return codes
        }
        try await first
        #expect(codes == Array(repeating: .overloaded, count: 6) + Array(repeating: nil, count: 4))
        try await registry.write { try $0.create(SandboxRequest(id: "later")) }
        #expect(registry.counts()[.pending] == 5)
    }

    @Test func behindTheCloseOnlyReadingGoesOn() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        try await registry.write { try $0.create(SandboxRequest(id: "box")) }
        await registry.close()
        await registry.close()
        #expect(registry.record("box")?.state == .pending)
        let codes = [
            await RegistryError.code { try await registry.write { _ in } },
            await RegistryError.code { _ = try await registry.billing() },
        ]
        #expect(codes == [.closed, .closed])
    }

    @Test func aSecondRegistryOnTheFileIsToldWhoHasIt() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        let error = #expect(throws: RegistryError.self) { try fixture.open() }
        #expect(error?.code == .inUse && error?.message.contains("process \(getpid());") == true)
        await registry.close()
        try await fixture.open().close()
    }

    // MARK: Timers

    @Test func usesMoveTheIdleLimitInMemoryAndSoonOnDisk() async throws {
        let fixture = try RegistryFixture()
        var registry = try fixture.open()
        var request = SandboxRequest(id: "box")
        request.autoClearSeconds = 100
        let start = fixture.clock.now
        try await registry.write { [request] in try $0.create(request) }
        #expect(registry.nextDeadline() == start.advanced(bySeconds: 100))

        fixture.clock.advance(bySeconds: 10)
        registry.touch("box")
        #expect(registry.record("box")?.autoStopTime == start.advanced(bySeconds: 110))
        #expect(registry.due(at: start.advanced(bySeconds: 105)).isEmpty)
        fixture.clock.advance(bySeconds: 30)
        // Far enough from what is written to be written.
        registry.touch("box")
        // Whatever was queued is on disk when a later transaction is.
        try await registry.write { $0.audit(actor: "", action: "", subject: "", outcome: "") }
        let written = try await registry.writer.withDatabase { database throws(RegistryError) in
            try database.integer("SELECT auto_stop_time FROM sandboxes")
        }
        #expect(written == start.advanced(bySeconds: 140).microseconds)
        #expect(registry.due(at: start.advanced(bySeconds: 140)).map(\.deadlineEvent) == [.autoClear])
        #expect(registry.latestChange == 1)
        await registry.close()

        // Nobody could use it while the server was down.
        fixture.clock.advance(bySeconds: 1000)
        registry = try fixture.open()
        let grace = fixture.clock.now.advanced(bySeconds: SandboxRegistry.touchPrecisionSeconds)
        #expect(registry.nextDeadline() == grace)
    }

    // MARK: Pruning

    @Test func pruningForgetsOldDeletedSandboxesButNoNumbersAndNoBills() async throws {
        let fixture = try RegistryFixture()
        var registry = try fixture.open()
        try await registry.write { transaction in
            for turn in 0..<1500 {
                let id = "box-\(turn)"
                try transaction.create(SandboxRequest(id: id))
                try transaction.move(id, by: .alive)
                try transaction.move(id, by: .stop)
                if turn != 7 { try transaction.move(id, by: .delete) }
            }
            transaction.audit(actor: "a", action: "b", subject: "c", outcome: "ok")
        }
        fixture.clock.advance(bySeconds: 10)
        var retention = SandboxRegistry.Retention()
        #expect(try await registry.prune(retention) == 0)
        retention.sandboxesDeletedBefore = fixture.clock.now
        #expect(try await registry.prune(retention) == 1499)
        #expect(try registry.list(SandboxQuery()).records.map(\.id) == ["box-7"])
        #expect(try await registry.billing(limit: 2000).count == 1500)
        await registry.close()

        registry = try fixture.open()
        let rows = try await registry.writer.withDatabase { database throws(RegistryError) in
            [
                try database.integer("SELECT count(*) FROM sandboxes"),
                try database.integer("SELECT count(*) FROM transitions"),
            ]
        }
        #expect(rows == [1, 3])
        let next = try await registry.write { try $0.create(SandboxRequest(id: "box-8")) }
        #expect(next.serial == 1501 && next.revision == 5999 + 1)
        retention.auditBefore = fixture.clock.now
        retention.billingBefore = fixture.clock.now
        #expect(try await registry.prune(retention) == 0)
        #expect(try await registry.billing().isEmpty)
        #expect(try await registry.audit().isEmpty)
    }
}
