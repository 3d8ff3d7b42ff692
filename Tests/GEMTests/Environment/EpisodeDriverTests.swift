import GEM
import Testing

/// How a program uses the library without a server.
@Suite struct EpisodeDriverTests {
    private func counter(_ kwargs: JSON = nil) throws -> EpisodeDriver {
        let spec = try EnvironmentRegistry([.counter]).spec("test:Counter-v0")
        return EpisodeDriver(try spec.make(try spec.arguments(from: kwargs), 41))
    }

    private func step(_ driver: inout EpisodeDriver, _ text: String, _ observation: inout Observation) throws
        -> StepResult
    {
        let action = Array(text.utf8)
        return try driver.step(action.span, observation: &observation)
    }

    @Test func playsAnEpisode() throws {
        var driver = try counter(["limit": 2])
        var observation = Observation()
        try driver.reset(seed: nil, observation: &observation)
        #expect(observation.string == "begun\n42/0")
        #expect(try step(&driver, "go", &observation) == StepResult(reward: 0.1))
        let fork = driver
        #expect(try step(&driver, "end", &observation) == StepResult(reward: 1, terminated: true, truncated: true))
        #expect(driver.state == .ended && driver.turn == 2 && driver.cumulativeReward == 1.1)
        #expect(throws: Failure.self) { try step(&driver, "go", &observation) }

        // A copy is the whole episode as it stood.
        #expect(fork.state == .running && fork.turn == 1)
        var text = Text()
        try fork.render(.text, into: &text)
        #expect(text.string == "1\n")
    }

    @Test func saysTheSameFailureUntilAResetSucceeds() throws {
        var driver = try counter()
        var observation = Observation()
        var text = Text()
        #expect(throws: Failure.self) { try driver.sampleAction(into: &text) }
        try driver.reset(seed: 1, observation: &observation)
        for _ in 0..<2 {
            do throws(Failure) {
                let action = Array("nan".utf8)
                _ = try driver.step(action.span, observation: &observation)
                Issue.record("paid no number")
            } catch {
                #expect(error.kind == .envFailed)
            }
        }
        try driver.reset(seed: 1, observation: &observation)
        #expect(try step(&driver, "go", &observation).reward == 0.1 && driver.episodes == 2 && driver.steps == 1)
    }
}
