import CLinux
import Glibc
import Synchronization

/// What the server has to say about itself: on standard error, and the last of it for `GET /log`.
package final class ServerLog: Sendable {
    private let kept = Mutex(ByteRing(capacity: 256 * 1024))

    package init() {}

    /// The end of everything that was said.
    package var bytes: [UInt8] { kept.withLock { $0.bytes } }

    /// Says one line, with the time in front.
    package func say(_ text: String) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        let figures = { (value: Int, width: Int) in
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let date = "\(parts.tm_year + 1900)-\(figures(Int(parts.tm_mon) + 1, 2))-\(figures(Int(parts.tm_mday), 2))"
        let time = "\(figures(Int(parts.tm_hour), 2)):\(figures(Int(parts.tm_min), 2)):\(figures(Int(parts.tm_sec), 2))"
        // One line each, whatever a name that a client chose holds.
        let safe = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let line = Array("\(date)T\(time).\(figures(now.tv_nsec / 1_000_000, 3))Z \(safe)\n".utf8)
        kept.withLock { $0.append(line) }
        // Whoever started this process may not listen any more.
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
