import CLinux
import Glibc
import Synchronization

/// What the server has to say about itself: on standard error, and the last of it for `GET /log`.
package final class ServerLog: Sendable {
    private struct State {
        var kept = ByteRing(capacity: 256 * 1024)
        var followers: [Int: AsyncStream<[UInt8]>.Continuation] = [:]
        var count = 0
        var hasEnded = false
    }

    /// Those who follow it at a time, and lines that wait for a slow one, who misses the oldest.
    private static let followerLimit = 64
    private static let waitingLines = 4096

    private let state = Mutex(State())

    package init() {}

    /// The end of everything that was said.
    package var bytes: [UInt8] { state.withLock { $0.kept.bytes } }

    /// What was said, and each line that will be, until ``endFollowing()``; `nil` where too many follow already.
    func follow() -> (past: [UInt8], lines: AsyncStream<[UInt8]>)? {
        let (lines, follower) = AsyncStream.makeStream(
            of: [UInt8].self, bufferingPolicy: .bufferingNewest(Self.waitingLines))
        let joined: (number: Int, past: [UInt8])? = state.withLock { state in
            guard !state.hasEnded, state.followers.count < Self.followerLimit else { return nil }
            state.count += 1
            state.followers[state.count] = follower
            return (state.count, state.kept.bytes)
        }
        guard let joined else { return nil }
        follower.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.followers.removeValue(forKey: joined.number) }
        }
        return (joined.past, lines)
    }

    /// Nothing more will be said to those who follow.
    func endFollowing() {
        let followers = state.withLock { state in
            state.hasEnded = true
            return Array(state.followers.values)
        }
        for follower in followers { follower.finish() }
    }

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
        let followers = state.withLock { state in
            state.kept.append(line)
            return Array(state.followers.values)
        }
        for follower in followers { follower.yield(line) }
        // Whoever started this process may not listen any more.
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
