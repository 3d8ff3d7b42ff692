import GEM

/// How long many repetitions of one thing took.
struct Distribution: Sendable {
    /// Nanoseconds each, shortest first.
    private let sorted: [UInt64]
    /// The sum of what was done, and the time in which it was.
    let seconds: Double

    init(_ nanoseconds: [UInt64], seconds: Double) {
        sorted = nanoseconds.sorted()
        self.seconds = seconds
    }

    var count: Int { sorted.count }
    var perSecond: Double { seconds > 0 ? Double(count) / seconds : 0 }

    /// The value, in microseconds, that a share of all does not pass.
    func microseconds(at share: Double) -> Double {
        guard !sorted.isEmpty else { return .nan }
        let index = Int((Double(sorted.count - 1) * share).rounded())
        return Double(sorted[index]) / 1000
    }
}
