import GEM
import Testing

@testable import Envs

/// Plays an environment by `String`s, as a client sees it.
struct Player {
    var environment: any Environment
    private(set) var observation = Observation()

    /// Makes `id` with the defaults that `overrides` do not replace.
    init(_ id: String, _ overrides: [String: Parameter.Value] = [:], entropy: UInt64 = 0) throws {
        let spec = try #require(BuiltInEnvironments.specs.first { $0.id.description == id }, "\(id) is not registered")
        for name in overrides.keys { try #require(spec.parameters.contains { $0.name == name }) }
        environment = try spec.make(Arguments(defaults: spec.parameters, overrides: overrides), entropy)
    }

    /// The complete text: message, line feed, state.
    var text: String { observation.message.string + "\n" + observation.state.string }

    @discardableResult
    mutating func reset(_ seed: Seed?) throws -> String {
        observation.clear()
        try environment.reset(seed: seed, observation: &observation)
        return text
    }

    @discardableResult
    mutating func step(_ action: String) -> StepResult {
        observation.clear()
        let bytes = Array(action.utf8)
        return environment.step(bytes.span, observation: &observation)
    }

    mutating func sampleAction() -> String {
        var text = Text()
        environment.sampleAction(into: &text)
        return text.string
    }

    func render(_ mode: RenderMode) -> String {
        var text = Text()
        environment.render(mode, into: &text)
        return text.string
    }

    /// Whether the text shows `block` as whole lines, blanks at the ends of lines aside; a feedback fragment may also stand
    /// within a line.
    func shows(_ block: String) -> Bool {
        guard !block.isEmpty else { return true }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(line.reversed().drop { $0 == " " }.reversed())
        }
        let joined = lines.joined(separator: "\n")
        return ("\n" + joined + "\n").contains("\n" + block + "\n") || (!block.contains(" ") && joined.contains(block))
            || (isFragment(block) && joined.contains(block))
    }

    private func isFragment(_ block: String) -> Bool {
        block.contains("peg(s)") || block.contains("er than ") || block.contains("['")
    }
}

/// Replays one recorded episode; returns the first difference in words.
func difference(replaying trace: Trace, _ overrides: [String: Parameter.Value] = [:]) throws -> String? {
    var player = try Player(trace.environment, overrides)
    try player.reset(trace.seed)
    guard player.shows(trace.resetBoard) else { return "after reset: \(player.text)\nwanted: \(trace.resetBoard)" }
    for (index, (action, step)) in zip(trace.actions, trace.steps).enumerated() {
        let result = player.step(action)
        let expected = StepResult(reward: step.reward, terminated: step.terminated, truncated: step.truncated)
        guard result == expected, player.shows(step.board) else {
            return "step \(index + 1) \(action.debugDescription): \(result)\n\(player.text)\nwanted: \(step)"
        }
    }
    return nil
}
