import Glibc

/// When a request is sent again, and after which pause.
struct Retries: Sendable {
    private let configuration: ModelServiceConfiguration
    private(set) var attempt = 1

    init(_ configuration: ModelServiceConfiguration) { self.configuration = configuration }

    /// Whether an answer of this status is one to try again after.
    func isRetryable(_ status: Int) -> Bool { configuration.retryableStatusCodes.contains(status) }

    /// The pause before the next attempt, which begins with this call; `nil` where there is none. `wish` is how long the server
    /// asks to be left alone.
    mutating func pause(wish: Duration? = nil) -> Duration? {
        var random = SystemRandomNumberGenerator()
        return pause(wish: wish, using: &random)
    }

    /// The same with a generator of the caller's.
    mutating func pause(wish: Duration?, using random: inout some RandomNumberGenerator) -> Duration? {
        guard attempt < configuration.maximumAttempts else { return nil }
        if let wish, wish > configuration.longestRetryAfter { return nil }
        let doubled = configuration.retryDelay * (1 << min(attempt - 1, 16))
        attempt += 1
        // Many clients that failed at once must not come back at once.
        let share = Double(random.next() >> 11) / Double(1 << 53 as UInt64)
        if let wish { return wish + min(doubled, .seconds(1)) * share }
        return doubled * (2 * share)
    }

    /// What the value of a `Retry-After` line asks for: seconds, or a date, which `now` in seconds since 1970 is taken from.
    static func wish(_ text: String, now: Double = Exchange.now) -> Duration? {
        let text = String(text.drop { $0 == " " })
        if let seconds = Double(text), seconds.isFinite { return .seconds(min(max(0, seconds), 1e9)) }
        return date(text).map { .seconds(max(0, $0 - now)) }
    }

    /// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers may send.
    private static func date(_ text: String) -> Double? {
        let words = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])),
            let day = Int32(words[1]), let year = Int32(words[3]), 1900...9999 ~= year
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int32($0) }
        guard clock.count == 3 else { return nil }
        var time = tm()
        (time.tm_year, time.tm_mon, time.tm_mday) = (year - 1900, Int32(month), day)
        (time.tm_hour, time.tm_min, time.tm_sec) = (clock[0], clock[1], clock[2])
        return Double(timegm(&time))
    }
}
