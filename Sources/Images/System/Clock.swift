import Glibc

/// The time of day, as image configurations write it.
enum Clock {
    /// Now, in UTC by RFC 3339 to the second.
    static var now: String { text(Int64(time(nil))) }

    /// A time in seconds since 1970, in UTC by RFC 3339.
    static func text(_ seconds: Int64) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let pad = { (number: Int32, width: Int) in
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(pad(parts.tm_year + 1900, 4))-\(pad(parts.tm_mon + 1, 2))-\(pad(parts.tm_mday, 2))"
        return "\(date)T\(pad(parts.tm_hour, 2)):\(pad(parts.tm_min, 2)):\(pad(parts.tm_sec, 2))Z"
    }
}
