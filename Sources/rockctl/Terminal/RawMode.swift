import Glibc

/// A terminal that hands over every key at once and draws on a screen of its own; the old state comes back with the end of
/// this value, however that comes about.
struct RawMode: ~Copyable {
    private let before: termios
    private let console: Console

    private init(before: termios, console: Console) {
        self.before = before
        self.console = console
    }

    /// Switches the terminal over.
    ///
    /// - Throws: ``CommandError`` where standard input is no terminal.
    static func enter(_ console: Console) throws -> RawMode {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw CommandError(.failure, "standard input is no terminal: \(String(cString: strerror(errno)))")
        }
        let before = settings
        // Ctrl-C and Ctrl-Z come as keys; output keeps turning line feeds into new lines.
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
        settings.c_iflag &= ~tcflag_t(IXON | ICRNL)
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) == 0 else {
            throw CommandError(.failure, "the terminal cannot be set: \(String(cString: strerror(errno)))")
        }
        let mode = RawMode(before: before, console: console)
        try console.write("\u{1B}[?1049h\u{1B}[?25l")  // the other screen, without a cursor
        return mode
    }

    deinit {
        // A terminal that is gone has no state to restore, and nobody to tell.
        try? console.write("\u{1B}[?25h\u{1B}[?1049l")
        var settings = before
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
    }

    /// Draws `text` from the upper left corner of the empty screen.
    func draw(_ text: String) throws { try console.write("\u{1B}[H\u{1B}[2J" + text) }
}
