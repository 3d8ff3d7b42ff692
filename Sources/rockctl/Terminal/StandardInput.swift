import CLinux
import Glibc
import Transport

/// Standard input, read by a command that ``Command/catchesSignals``: a signal ends the wait.
///
/// The wait blocks the calling thread. A command that waits for a person has nothing else to do, and a server embedded
/// in it has threads of its own.
struct StandardInput: ~Copyable {
    private let signals: OwnedDescriptor
    private var arrived: ArraySlice<UInt8> = []
    private var isAtEnd = false

    init() throws {
        let numbers = Interrupted.signals
        signals = OwnedDescriptor(try SystemCallError.check(rock_signalfd(numbers, numbers.count), "signalfd"))
    }

    /// The bytes that came next, at least one; empty at the end.
    ///
    /// - Throws: ``Interrupted`` on a signal.
    mutating func read() throws -> ArraySlice<UInt8> {
        if arrived.isEmpty { try fill() }
        defer { arrived = [] }
        return arrived
    }

    /// The bytes of a key that began with an escape: those that came together with it.
    mutating func next() throws -> UInt8? {
        if arrived.isEmpty { try fill() }
        return arrived.popFirst()
    }

    /// What came together with the last byte and has not been taken.
    var pending: ArraySlice<UInt8> { arrived }

    /// Forgets ``pending``.
    mutating func dropPending() { arrived = [] }

    /// One line of input.
    enum Line {
        case line([UInt8])
        /// It was longer than the limit and has been passed over.
        case tooLong
        case end
    }

    /// Reads to the next line feed; the end of the input ends a line too.
    mutating func line(limit: Int) throws -> Line {
        var line: [UInt8] = []
        var isTooLong = false
        while true {
            if arrived.isEmpty { try fill() }
            if arrived.isEmpty { return isTooLong ? .tooLong : line.isEmpty ? .end : .line(line) }
            let piece = arrived.prefix { $0 != 0x0A }
            if line.count + piece.count > limit { isTooLong = true }
            if !isTooLong { line += piece }
            arrived = arrived.dropFirst(piece.count)
            if arrived.popFirst() != nil {
                if isTooLong { return .tooLong }
                if line.last == 0x0D { line.removeLast() }
                return .line(line)
            }
        }
    }

    private mutating func fill() throws {
        guard !isAtEnd else { return }
        while true {
            var ready = [
                pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&ready, 2, -1) > 0 else { continue }
            if ready[0].revents != 0 { throw Interrupted() }
            var bytes = [UInt8](repeating: 0, count: 64 << 10)
            let count = Glibc.read(STDIN_FILENO, &bytes, bytes.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            isAtEnd = count <= 0
            arrived = bytes.prefix(max(0, count))
            return
        }
    }
}
