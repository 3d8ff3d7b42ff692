import Synchronization

/// A number that only grows. Adding costs some nanoseconds and never waits.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add(_ amount: Int = 1) { count.wrappingAdd(amount, ordering: .relaxed) }
}

/// How long something took, by size: what Prometheus makes quantiles of.
final class Histogram: Sendable {
    /// The upper ends of the buckets, in microseconds; the last bucket has none.
    static let bounds: [Int] = [
        50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
        5_000_000, 10_000_000, 30_000_000, 60_000_000,
    ]
    private static let boundCount = 19

    private let counts = [20 of Atomic<Int>] { _ in Atomic(0) }
    private let nanoseconds = Atomic<Int>(0)

    /// Adds one that took `elapsed` nanoseconds.
    func record(nanoseconds elapsed: Int) {
        let microseconds = elapsed / 1000
        var bucket = 0
        while bucket < Self.boundCount, microseconds > Self.bounds[bucket] { bucket += 1 }
        counts[bucket].wrappingAdd(1, ordering: .relaxed)
        nanoseconds.wrappingAdd(elapsed, ordering: .relaxed)
    }

    /// How many took at most each of ``bounds``, then how many there were.
    var cumulative: [Int] {
        var sum = 0
        return (0..<20).map { bucket in
            sum += counts[bucket].load(ordering: .relaxed)
            return sum
        }
    }

    /// Seconds in all.
    var seconds: Double { Double(nanoseconds.load(ordering: .relaxed)) / 1e9 }
}

/// How often something was asked for, how often it failed, and how long it took.
final class CallStatistics: Sendable {
    let failures = Counter()
    let times = Histogram()

    /// Counts a call that began at `start`, a reading of ``monotonicNanoseconds()``.
    func record(since start: Int, failed: Bool) {
        times.record(nanoseconds: monotonicNanoseconds() - start)
        if failed { failures.add() }
    }
}
