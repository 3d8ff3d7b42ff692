import Glibc
import Testing

/// A program on a terminal of its own.
final class Terminal {
    private let leader: Descriptor
    private let child: Child
    /// All that the program has shown so far, as the terminal's user would receive it.
    private(set) var shown = ""
    /// How much of it ``wait(for:)`` has passed.
    private var seen = 0

    init(
        _ path: String = Program.rockctl, arguments: [String], variables: [String: String] = [:],
        columns: UInt16 = 80
    ) throws {
        var (leader, follower): (Int32, Int32) = (-1, -1)
        var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        var name = [CChar](repeating: 0, count: 128)
        try #require(openpty(&leader, &follower, &name, nil, &size) == 0)
        _ = fcntl(leader, F_SETFD, FD_CLOEXEC)
        _ = fcntl(follower, F_SETFD, FD_CLOEXEC)
        let device = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        self.leader = Descriptor(leader)
        child = try Child(
            path, arguments, variables: ["TERM": "xterm"].merging(variables) { $1 }, terminal: device)
        _ = close(follower)
    }

    /// What was shown, without the sequences that colour it.
    var withoutColours: String {
        shown.split(separator: "\u{1B}[", omittingEmptySubsequences: false).enumerated()
            .map { $0 == 0 ? $1 : $1.drop { $0 != "m" }.dropFirst() }.joined()
    }

    /// Types `keys`.
    func type(_ keys: String) { leader.write(keys) }

    /// Changes the size of the window, which the kernel tells the program.
    func resize(rows: UInt16, columns: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(leader.rawValue, UInt(TIOCSWINSZ), &size)
    }

    /// Whether the terminal shows what is typed, as it does for a person.
    var echoes: Bool {
        var settings = termios()
        return tcgetattr(leader.rawValue, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
    }

    /// Sends the program a signal.
    func send(_ signal: Int32) { kill(child.pid, signal) }

    /// Reads until `text` has been shown since the last call that waited; false if the program ended before.
    func wait(for text: String) -> Bool {
        while !shown.dropFirst(seen).contains(text) {
            let bytes = leader.read()
            if bytes.isEmpty { return false }
            shown += String(decoding: bytes, as: UTF8.self)
        }
        seen = shown.count
        return true
    }

    /// Reads to the end and says how the program ended.
    func finish() -> Int32 {
        while case let bytes = leader.read(), !bytes.isEmpty { shown += String(decoding: bytes, as: UTF8.self) }
        return child.wait()
    }
}
