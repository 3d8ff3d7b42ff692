import Synchronization
import Transport

/// Slows down who guesses: each address may fail a few times in a row, then only as fast as its bucket fills.
///
/// The table is bounded. When it is full, the address that has been quiet for longest is forgotten: whoever wants to be
/// forgotten needs more addresses than it holds.
final class FailureLimit: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: ContinuousClock.Instant
    }

    private let burst: Double
    private let perSecond: Double
    private let capacity: Int
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameters:
    ///   - burst: Failures in a row that cost nothing.
    ///   - perSecond: How many more each second brings.
    ///   - capacity: Addresses remembered.
    init(burst: Int = 20, perSecond: Double = 0.5, capacity: Int = 4096) {
        self.burst = Double(max(1, burst))
        self.perSecond = perSecond
        self.capacity = max(1, capacity)
    }

    /// How many addresses are remembered.
    var count: Int { buckets.withLock { $0.count } }

    /// Whether `address` may try now.
    ///
    /// - Returns: `nil` if so; else the seconds until it may.
    func wait(_ address: SocketAddress, at now: ContinuousClock.Instant) -> Int? {
        buckets.withLock { buckets in
            guard !buckets.isEmpty, let bucket = buckets[Self.key(address)] else { return nil }
            let tokens = filled(bucket, at: now).tokens
            return tokens >= 1 ? nil : max(1, Int(((1 - tokens) / perSecond).rounded(.up)))
        }
    }

    /// Counts a failure of `address`.
    func fail(_ address: SocketAddress, at now: ContinuousClock.Instant) {
        buckets.withLock { buckets in
            let key = Self.key(address)
            if buckets[key] == nil, buckets.count >= capacity { forgetOne(&buckets, at: now) }
            var bucket = filled(buckets[key] ?? Bucket(tokens: burst, filledAt: now), at: now)
            bucket.tokens = max(0, bucket.tokens - 1)
            buckets[key] = bucket
        }
    }

    private func filled(_ bucket: Bucket, at now: ContinuousClock.Instant) -> Bucket {
        let seconds = bucket.filledAt.duration(to: now) / .seconds(1)
        return Bucket(tokens: min(burst, bucket.tokens + max(0, seconds) * perSecond), filledAt: now)
    }

    /// Forgets everybody whose bucket is full again, else who failed least recently.
    private func forgetOne(_ buckets: inout [String: Bucket], at now: ContinuousClock.Instant) {
        let before = buckets.count
        buckets = buckets.filter { filled($0.value, at: now).tokens < burst }
        guard buckets.count == before else { return }
        if let oldest = buckets.min(by: { $0.value.filledAt < $1.value.filledAt }) { buckets[oldest.key] = nil }
    }

    /// An IPv4 address, or the network that one IPv6 customer has to itself.
    private static func key(_ address: SocketAddress) -> String {
        switch address {
        case .ipv4(let address, _): "4:\(address)"
        case .ipv6(let high, _, _, _): "6:\(high)"
        case .unix: "unix"
        }
    }
}
