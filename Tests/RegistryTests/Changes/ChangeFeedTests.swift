import Testing

@testable import Registry

@Suite(.timeLimit(.minutes(1))) struct ChangeFeedTests {
    private func change(_ sequence: Int64, _ id: String = "box") -> SandboxChange {
        SandboxChange(
            sequence: sequence, id: id, event: .stop, from: .running, to: .stopped, time: Timestamp(seconds: sequence))
    }

    @Test func aReaderGetsWhatWasAndWhatComes() async throws {
        let feed = ChangeFeed(latest: 10, capacity: 4)
        feed.publish([change(11), change(12)])
        var reader = SandboxChanges(feed: feed, sequence: 10, id: nil).makeAsyncIterator()
        #expect(await reader.next() == .change(change(11)))
        #expect(await reader.next() == .change(change(12)))
        async let next = reader.next()
        feed.publish([change(13), change(14)])
        #expect(await next == .change(change(13)))
    }

    /// What the ring of four holds after ten changes from 1 on, and what readers from each place are told first.
    @Test(
        arguments: [
            (-5, SandboxChangeNotice.missed(through: 10)), (0, .missed(through: 10)), (5, .missed(through: 10)),
            (6, .change(7)),
            (9, .change(10)),
        ] as [(Int64, SandboxChangeNotice)])
    func aSlowReaderIsToldWhatItMissed(sequence: Int64, notice: SandboxChangeNotice) async {
        let feed = ChangeFeed(latest: 0, capacity: 4)
        for sequence in 1...10 { feed.publish([change(Int64(sequence))]) }
        let found = await feed.next(after: sequence, of: nil)
        #expect(found?.sequence == notice.sequence)
        if case .missed = notice { #expect(found == notice) }
    }

    @Test func aReaderOfOneSandboxSleepsThroughAllOthers() async throws {
        let feed = ChangeFeed(latest: 0, capacity: 4)
        var reader = SandboxChanges(feed: feed, sequence: 0, id: "mine").makeAsyncIterator()
        async let next = reader.next()
        for sequence in 1...100 { feed.publish([change(Int64(sequence), "other")]) }
        feed.publish([change(101, "mine")])
        // It either waited all the time, or came when the ring had gone round so far: then it is told that, and no other's change.
        let notice = try #require(await next)
        if case .missed(let last) = notice {
            #expect(5...101 ~= last)
        } else {
            #expect(notice == .change(change(101, "mine")))
        }
    }

    @Test func cancellingAndClosingEndTheReading() async throws {
        let feed = ChangeFeed(latest: 0, capacity: 4)
        let cancelled = Task { await feed.next(after: 0, of: nil) }
        cancelled.cancel()
        let closed = Task { await feed.next(after: 0, of: "box") }
        #expect(await cancelled.value == nil)
        feed.close()
        #expect(await closed.value == nil)
        #expect(await feed.next(after: 0, of: nil) == nil)
    }

    @Test func numbersGoOnBehindARestart() async throws {
        let fixture = try RegistryFixture()
        var registry = try fixture.open()
        try await registry.write { try $0.create(SandboxRequest(id: "box")) }
        try await registry.write { try $0.move("box", by: .alive) }
        await registry.close()
        registry = try fixture.open()
        var upToDate = registry.changes(since: 2).makeAsyncIterator()
        var behind = registry.changes(since: 1, of: "box").makeAsyncIterator()
        #expect(await behind.next() == .missed(through: 2))
        try await registry.write { try $0.move("box", by: .stop) }
        let notice = await upToDate.next()
        let following = await behind.next()
        #expect(notice == following)
        guard case .change(let change) = notice else { throw RegistryError(.notFound, "\(notice as Any)") }
        #expect((change.sequence, change.id, change.event, change.from) == (3, "box", .stop, .running))
        #expect(registry.record("box")?.revision == 3)
    }

    @Test func readersHearOfAChangeOnlyWhenItCanBeRead() async throws {
        let fixture = try RegistryFixture()
        let registry = try fixture.open()
        let reading = Task {
            var seen = 0
            for await notice in registry.changes(since: 0) {
                guard case .change(let change) = notice else { continue }
                #expect((registry.record(change.id)?.revision ?? 0) >= change.sequence)
                seen += 1
                if seen == 200 { break }
            }
            return seen
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for turn in 0..<100 {
                group.addTask {
                    try await registry.write { try $0.create(SandboxRequest(id: "\(turn)")) }
                    try await registry.write { try $0.move("\(turn)", by: .alive) }
                }
            }
            try await group.waitForAll()
        }
        #expect(await reading.value == 200)
    }
}

extension SandboxChangeNotice {
    /// A change of which only the number matters.
    fileprivate static func change(_ sequence: Int64) -> Self {
        .change(
            SandboxChange(
                sequence: sequence, id: "", event: nil, from: nil, to: .running, time: Timestamp(seconds: 0)))
    }
}
