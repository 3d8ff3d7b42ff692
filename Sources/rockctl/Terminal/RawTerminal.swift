import Glibc

/// The terminal at standard input, switched so that every key goes elsewhere untouched: for a terminal in a sandbox.
final class RawTerminal: Sendable {
    private let before: termios

    /// Switches over, until ``restore()``.
    ///
    /// - Throws: ``CommandError`` where standard input is no terminal.
    init() throws {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw CommandError(
                .usage, "standard input is no terminal",
                hint: "leave -t out: then input and output are passed on as they are")
        }
        before = settings
        cfmakeraw(&settings)
        guard tcsetattr(STDIN_FILENO, TCSADRAIN, &settings) == 0 else {
            throw CommandError(.failure, "the terminal cannot be set: \(String(cString: strerror(errno)))")
        }
    }

    /// Puts the old state back; again changes nothing.
    func restore() {
        var settings = before
        // A terminal that is gone has no state to restore.
        _ = tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }

    deinit { restore() }
}
