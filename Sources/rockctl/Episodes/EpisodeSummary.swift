import GEM
import Synchronization

/// The sum of a run.
final class EpisodeSummary: Sendable {
    private let results = Mutex<[EpisodeResult]>([])
    private let steps = Mutex(0)
    /// From the first reset to the last event: starting a server is no part of the pace.
    private let time = Mutex<(start: ContinuousClock.Instant, end: ContinuousClock.Instant)?>(nil)

    func add(_ event: EpisodeEvent) {
        let now = ContinuousClock.now
        time.withLock { $0 = (start: $0?.start ?? now, end: now) }
        switch event {
        case .reset: break
        case .step: steps.withLock { $0 += 1 }
        case .end(let result): results.withLock { $0.append(result) }
        }
    }

    /// The lines for people.
    func text(environment: String, style: Style) -> String {
        let results = results.withLock { $0 }
        let (steps, seconds, rate) = pace
        var text =
            style.paint(environment, .strong)
            + "  \(counted(results.count, "episode")), \(counted(steps, "step")) in \(number(seconds)) s (\(rate) steps/s)\n"
        guard !results.isEmpty else { return text }
        text += "  return  \(Self.range(results.map(\.total)))\n"
        text += "  length  \(Self.range(results.map { Double($0.length) }))\n"
        let cut = results.count { $0.truncated }
        text += "  ended   \(results.count - cut) terminated, \(cut) truncated\n"
        return text
    }

    /// The object for programs.
    func json(environment: String) -> JSON {
        let results = results.withLock { $0 }
        let (steps, seconds, rate) = pace
        return [
            "event": "summary", "env_id": .string(environment), "episodes": .number(JSON.Number(results.count)),
            "steps": .number(JSON.Number(steps)), "seconds": double(seconds),
            "steps_per_second": .number(JSON.Number(rate)),
            "return": Self.spread(results.map(\.total)), "length": Self.spread(results.map { Double($0.length) }),
            "terminated": .number(JSON.Number(results.count { $0.terminated })),
            "truncated": .number(JSON.Number(results.count { $0.truncated })),
        ]
    }

    private var pace: (steps: Int, seconds: Double, rate: Int) {
        let steps = steps.withLock { $0 }
        let seconds = time.withLock { time in time.map { ($0.end - $0.start) / .seconds(1) } ?? 0 }
        return (steps, seconds, seconds > 0 ? Int(Double(steps) / seconds) : 0)
    }

    private static func range(_ values: [Double]) -> String {
        let mean = values.reduce(0, +) / Double(values.count)
        return "mean \(number(mean))  min \(number(values.min() ?? 0))  max \(number(values.max() ?? 0))"
    }

    private static func spread(_ values: [Double]) -> JSON {
        guard let least = values.min(), let most = values.max() else { return .null }
        return ["mean": double(values.reduce(0, +) / Double(values.count)), "min": double(least), "max": double(most)]
    }
}

/// A count and its noun, such as `1 step` or `2 steps`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
