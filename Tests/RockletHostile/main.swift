import GEM
import HostileCalls
import RockletCore

// A rocklet whose one environment does what its action says, to prove the walls from inside. Test-only.

/// Tries the deed that the action names, such as `kill 17`, and shows what came of it: `0` or more, or `-errno`.
struct Hostile: Environment {
    static let spec = EnvironmentSpec(
        id: EnvironmentID(namespace: "test", name: "Hostile", version: 0), summary: "Try to get out.",
        actionGrammar: "DEED [TARGET]", rewardRange: 0...0, maxTurns: nil, parameters: [],
        make: { _, _ in Hostile() })

    mutating func reset(seed: Seed?, observation: inout Observation) {
        observation.message.append("Behave badly.")
    }

    mutating func step(_ action: Action, observation: inout Observation) -> StepResult {
        let text = action.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        let words = text.split(separator: " ", maxSplits: 1)
        let deed = words.first.map(String.init) ?? ""
        let rest = words.count > 1 ? String(words[1]) : ""
        switch deed {
        case "output": for _ in 0..<(Int(rest) ?? 0) { observation.message.append(ascii: 0x78) }
        case "trap": fatalError("on purpose")
        case "print": print("to standard output")
        case "descriptors": observation.message.append(Int(hostile_descriptors()))
        case "trace": observation.message.append(string: Self.traceOfTheOutside)
        case "send":
            var bytes = Array(rest.utf8)
            bytes.append(0x0A)
            hostile_send(bytes, UInt64(bytes.count))
        default: observation.message.append(Int(hostile_attempt(deed, Int32(rest) ?? 0)))
        }
        return StepResult(reward: 0)
    }

    mutating func sampleAction(into text: inout Text) { text.append("loop") }

    func render(_ mode: RenderMode, into text: inout Text) {}

    /// What the arguments and the environment variables still say, the program's name included.
    private static var traceOfTheOutside: String {
        let arguments = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
        let words = arguments.compactMap { $0.map { String(cString: $0) } }
        return words.joined() + String(cString: hostile_program_path()) + String(cString: hostile_first_variable())
    }
}

Rocklet.run(environments: [Hostile.spec])
