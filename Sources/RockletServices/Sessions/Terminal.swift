import CLinux
import Glibc
import Transport

/// A pseudo-terminal, seen from its controlling side. For the loop's thread only.
final class Terminal: @unchecked Sendable {
    // Safety of @unchecked: everything is used on the loop's thread only.

    /// What a terminal can be told to be.
    static let sizes = 1...4096
    static let defaultRows = 24
    static let defaultColumns = 80

    private let reader: OutputReader
    private let writer: InputWriter
    /// The programs' side, held open: to write marks into the output, and so that it lives as long as this value.
    private let peer: OwnedDescriptor
    private(set) var rows = defaultRows
    private(set) var columns = defaultColumns

    /// - Parameters:
    ///   - echoes: Whether it shows what is typed.
    ///   - loop: Carries it.
    /// - Throws: `SystemCallError` without terminals (`/dev/ptmx`) or descriptors.
    init(echoes: Bool, on loop: EventLoop) throws {
        let controller = OwnedDescriptor(try SystemCallError.check(rock_terminal_open(), "open", "/dev/ptmx"))
        peer = OwnedDescriptor(
            try SystemCallError.check(rock_terminal_open_peer(controller.rawValue, 1), "ioctl", "TIOCGPTPEER"))
        rock_terminal_make_sane(peer.rawValue, echoes ? 1 : 0)
        let copy = OwnedDescriptor(
            try SystemCallError.check(fcntl(controller.rawValue, F_DUPFD_CLOEXEC, 3), "fcntl", "a terminal"))
        writer = try InputWriter(copy, on: loop)
        reader = OutputReader(controller, on: loop)
        rock_terminal_resize(reader.descriptor, UInt32(rows), UInt32(columns))
    }

    /// Opens the side that a program gets as its three streams.
    func openForProgram(of account: UserAccount?) throws -> OwnedDescriptor {
        if let account { rock_terminal_give(peer.rawValue, account.user) }
        return OwnedDescriptor(
            try SystemCallError.check(rock_terminal_open_peer(reader.descriptor, 0), "ioctl", "TIOCGPTPEER"))
    }

    /// Tells `listener` what programs write, from now on.
    func start(_ listener: OutputReader.Listener) throws {
        try reader.start(listener)
    }

    /// Tells somebody else from now on.
    func listen(_ listener: OutputReader.Listener) { reader.listen(listener) }

    func pause() { reader.pause() }
    func resume() throws { try reader.resume() }

    /// Types `bytes`.
    func type(_ bytes: some Sequence<UInt8>) {
        writer.write(Array(bytes)[...])
    }

    /// How much has been typed that the terminal has not taken.
    var pendingInput: Int { writer.pendingBytes }

    func waitForRoom() async { await writer.waitForRoom() }

    func resize(rows: Int, columns: Int) {
        guard reader.isOpen, Self.sizes ~= rows, Self.sizes ~= columns else { return }
        self.rows = rows
        self.columns = columns
        rock_terminal_resize(reader.descriptor, UInt32(rows), UInt32(columns))
    }

    /// The process group in the foreground; `nil` when there is none.
    var foreground: Int32? {
        guard reader.isOpen else { return nil }
        let group = rock_terminal_foreground(reader.descriptor)
        return group > 1 ? group : nil
    }

    /// Undoes what the last program has left.
    func makeSane(echoes: Bool) {
        rock_terminal_make_sane(peer.rawValue, echoes ? 1 : 0)
    }

    /// Forgets what was typed and nobody has read.
    func clearInput() {
        rock_terminal_clear(peer.rawValue)
    }

    /// Writes `bytes` as a program would, behind everything that programs have written.
    ///
    /// - Returns: Whether the terminal has taken them all.
    func mark(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { write(peer.rawValue, $0.baseAddress, $0.count) } == bytes.count
    }

    /// Closes the controlling side: programs that have the terminal open are told that it has hung up.
    func close() {
        writer.close()
        reader.close()
    }
}
