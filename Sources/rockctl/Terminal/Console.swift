import Glibc

/// The three standard streams of the process, and what is known about them.
struct Console: Sendable {
    let inputIsTerminal = isatty(STDIN_FILENO) == 1
    let outputIsTerminal = isatty(STDOUT_FILENO) == 1
    let errorIsTerminal = isatty(STDERR_FILENO) == 1
    /// For standard output.
    let style: Style
    /// For standard error.
    let errorStyle: Style

    init() {
        // https://no-color.org: any value but the empty one. A dumb terminal has no escape sequences.
        let mayPaint = (Self.variable("NO_COLOR") ?? "").isEmpty && Self.variable("TERM") != "dumb"
        style = Style(isOn: mayPaint && isatty(STDOUT_FILENO) == 1)
        errorStyle = Style(isOn: mayPaint && isatty(STDERR_FILENO) == 1)
    }

    /// The environment variable `name`.
    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Columns and rows of the terminal at standard output; `nil` where there is none or it does not say.
    var size: (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// The width for text that is read: the terminal's within reason, 80 elsewhere.
    var pageWidth: Int { min(max(size?.columns ?? 80, 40), 100) }

    /// Writes `text` to standard output, as one write(2) where the kernel takes it whole.
    ///
    /// - Throws: ``ClosedPipe`` where the reader is gone; ``CommandError`` for every other failure, such as a full disk.
    func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try Self.write($0, to: STDOUT_FILENO) }
    }

    /// Writes `bytes` to standard output; see ``write(_:)``.
    func write(bytes: [UInt8]) throws { try bytes.withUnsafeBufferPointer { try Self.write($0, to: STDOUT_FILENO) } }

    /// Writes `bytes` to standard error; see ``write(_:)``.
    func write(bytesToError bytes: [UInt8]) throws {
        try bytes.withUnsafeBufferPointer { try Self.write($0, to: STDERR_FILENO) }
    }

    /// Writes `text` to standard error. A standard error that takes nothing leaves nobody to tell.
    func report(_ text: String) {
        var text = text
        text.withUTF8 { try? Self.write($0, to: STDERR_FILENO) }
    }

    private static func write(_ bytes: UnsafeBufferPointer<UInt8>, to descriptor: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count >= 0 {
                rest = rest.dropFirst(count)
                continue
            }
            switch errno {
            case EINTR: continue
            case EPIPE: throw ClosedPipe()
            case EAGAIN:  // somebody made the terminal non-blocking; wait until it takes more
                var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = Glibc.poll(&poll, 1, -1)
            case let code:
                throw CommandError(.failure, "cannot write to standard output: \(String(cString: strerror(code)))")
            }
        }
    }
}

/// The reader of standard output went away: nothing more to do, and nobody to tell.
struct ClosedPipe: Error {}
