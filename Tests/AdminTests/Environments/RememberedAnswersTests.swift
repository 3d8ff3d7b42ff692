import GEM
import SandboxHost
import Synchronization
import Testing

@testable import Admin

private func reply(_ text: String) -> Reply { .result(Array(text.utf8)[...]) }

@Suite(.timeLimit(.minutes(1))) struct RememberedAnswersTests {
    @Test func aRepeatGetsTheFirstAnswer() async throws {
        let answers = RememberedAnswers(capacity: 8)
        let runs = Atomic<Int>(0)
        for _ in 1...3 {
            let answer = try await answers.answer(to: "a") { () async throws(Failure) -> Reply in
                reply("\(runs.wrappingAdd(1, ordering: .relaxed).newValue)")
            }
            #expect(answer == reply("1"))
        }
        let count = runs.load(ordering: .relaxed)
        #expect(count == 1)
    }

    @Test func aRepeatWaitsForTheFirstToFinish() async throws {
        let answers = RememberedAnswers(capacity: 8)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let (started, hasStarted) = AsyncStream.makeStream(of: Void.self)
        async let first = answers.answer(to: "a") { () async throws(Failure) -> Reply in
            hasStarted.finish()
            for await _ in gate {}
            return reply("first")
        }
        for await _ in started {}
        async let second = answers.answer(to: "a") { () async throws(Failure) -> Reply in reply("second") }
        open.finish()
        #expect(try await first == reply("first"))
        #expect(try await second == reply("first"))
    }

    @Test func aFailureIsNotKept() async throws {
        let answers = RememberedAnswers(capacity: 8)
        await #expect(throws: Failure.self) {
            try await answers.answer(to: "a") { () async throws(Failure) -> Reply in throw Failure(.overloaded, "full")
            }
        }
        #expect(try await answers.answer(to: "a") { () async throws(Failure) -> Reply in reply("ok") } == reply("ok"))
    }

    @Test func theOldestIsForgottenFirst() async throws {
        let answers = RememberedAnswers(capacity: 3)
        for id in ["a", "b", "c", "d"] {
            _ = try await answers.answer(to: id) { () async throws(Failure) -> Reply in reply("old " + id) }
        }
        for (id, expected) in [("d", "old d"), ("b", "old b"), ("a", "new a")] {
            let answer = try await answers.answer(to: id) { () async throws(Failure) -> Reply in reply("new " + id) }
            #expect(answer == reply(expected), "\(id)")
        }
    }
}
