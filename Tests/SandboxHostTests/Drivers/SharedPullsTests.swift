import Testing

@testable import SandboxHost

/// Fetches that several wait for.
@Suite(.timeLimit(.minutes(1))) struct SharedPullsTests {
    private struct Broken: Error {}

    @Test func oneFetchServesAll() async throws {
        let pulls = SharedPulls<Int>()
        let fetches = Record<String>()
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let heard = Record<String>()
        let (arrivals, arrival) = AsyncStream.makeStream(of: Void.self)
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await pulls.join("a", report: { heard.add($0) }) { report in
                        fetches.add("a")
                        arrival.yield()
                        for await _ in gate {}
                        report("half")
                        return 42
                    }
                }
            }
            // One has begun, and whoever comes later joins it or is the first of another.
            for await _ in arrivals { break }
            opener.finish()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values == Array(repeating: 42, count: 8))
        #expect(Set(heard.elements) == ["half"])
        #expect(try await pulls.join("a", report: { _ in }) { _ in 43 } == 43, "the next one begins anew")
        await #expect(throws: Broken.self) { try await pulls.join("a", report: { _ in }) { _ in throw Broken() } }
        #expect(fetches.elements.count >= 1)
    }

    @Test func theLastToLeaveEndsIt() async throws {
        let pulls = SharedPulls<Int>()
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let (ended, end) = AsyncStream.makeStream(of: Bool.self)
        let waiting = Task {
            try await pulls.join("a", report: { _ in }) { _ in
                begin.finish()
                let (never, _) = AsyncStream.makeStream(of: Void.self)
                for await _ in never {}
                end.yield(Task.isCancelled)
                end.finish()
                return 1
            }
        }
        for await _ in begun {}
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        for await isCancelled in ended { #expect(isCancelled) }
        let early = Task { try await pulls.join("b", report: { _ in }) { _ in 1 } }
        early.cancel()
        // Whether it was quick enough or not, nobody waits for ever.
        _ = await early.result
    }
}
