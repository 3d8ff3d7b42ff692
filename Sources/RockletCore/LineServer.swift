import CLinux
import Glibc

/// Answers lines on one connection at a time, blocking: a jail has nothing else to do, and a thread asleep in `recv` is
/// the one that wakes fastest.
///
/// When the server that holds the connection goes away the next one connects and goes on where the last one stopped.
struct LineServer {
    /// The longest line that is read; a server sends none longer.
    static let lineLimit = 64 << 20  // bytes
    private static let initialRoom = 4096
    /// Buffers larger than this are given back after use: thousands of jails share a machine.
    private static let roomKept = 1 << 20

    private let listener: Int32
    private var input = [UInt8](repeating: 0, count: initialRoom)

    init(listener: Int32) { self.listener = listener }

    mutating func run(_ answer: Rocklet.Answer) -> Never {
        var output: [UInt8] = []
        while true {
            let connection = rock_jail_accept(listener)
            if connection >= 0 {
                serve(connection, &output, answer)
                close(connection)
            } else if connection != -EINTR && connection != -ECONNABORTED {
                _exit(1)
            }
        }
    }

    /// Returns when the peer has gone or breaks the rules.
    private mutating func serve(_ connection: Int32, _ output: inout [UInt8], _ answer: Rocklet.Answer) {
        var filled = 0
        var scanned = 0
        while true {
            if filled == input.count {
                guard filled < Self.lineLimit else { return }
                input.append(contentsOf: repeatElement(0, count: filled))
            }
            let count = input.withUnsafeMutableBytes { room in
                recv(connection, room.baseAddress.map { $0 + filled }, room.count - filled, 0)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            filled += count
            var start = 0
            while let end = lineFeed(from: max(scanned, start), to: filled) {
                output.removeAll(keepingCapacity: true)
                answer(input.span.extracting(start..<end), &output)
                guard Self.send(output, to: connection) else { return }
                start = end + 1
            }
            if start > 0 {
                input.withUnsafeMutableBytes { room in
                    if let base = room.baseAddress { memmove(base, base + start, filled - start) }
                }
                filled -= start
                trim(filled)
                if output.capacity > Self.roomKept { output = [] }
            }
            scanned = filled
        }
    }

    private func lineFeed(from start: Int, to end: Int) -> Int? {
        input.withUnsafeBytes { bytes in
            guard start < end, let base = bytes.baseAddress, let found = memchr(base + start, 0x0A, end - start) else {
                return nil
            }
            return base.distance(to: UnsafeRawPointer(found))
        }
    }

    private static func send(_ output: [UInt8], to connection: Int32) -> Bool {
        output.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = Glibc.send(connection, bytes.baseAddress.map { $0 + sent }, bytes.count - sent, 0)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    private mutating func trim(_ filled: Int) {
        if input.count > Self.roomKept && filled <= Self.initialRoom {
            input = Array(input[..<filled]) + repeatElement(0, count: Self.initialRoom - filled)
        }
    }
}
