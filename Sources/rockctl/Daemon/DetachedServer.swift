import CLinux
import Glibc
import Transport

/// A server started in the background: in a session of its own, writing to `admin.log`, and known to be ready.
enum DetachedServer {
    /// The variable in which a server finds the descriptor to which it writes once it is ready.
    static let readyVariable = "ROCKCTL_READY_DESCRIPTOR"
    /// How long a server may take to be ready.
    private static let patience = Duration.seconds(60)

    /// Starts this program again with `arguments` and waits until the server is ready.
    ///
    /// - Parameters:
    ///   - arguments: A command line that runs the server in the foreground.
    ///   - directory: The server's data directory, which exists.
    ///   - name: The name of the log in it.
    /// - Returns: Its process id and the line it gave when it was ready.
    /// - Throws: ``CommandError`` with the end of the log where it does not become ready.
    static func start(_ arguments: [String], directory: String, log name: String = "admin.log") throws -> (
        process: pid_t, ready: String
    ) {
        let logPath = directory + "/" + name
        let log = OwnedDescriptor(
            try SystemCallError.check(
                open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600), "open", logPath))
        let logStart = lseek(log.rawValue, 0, SEEK_END)
        let nothing = OwnedDescriptor(
            try SystemCallError.check(open("/dev/null", O_RDONLY | O_CLOEXEC), "open", "/dev/null"))
        var ends: [Int32] = [-1, -1]
        try SystemCallError.check(rock_pipe(&ends, 0), "pipe")
        let reader = OwnedDescriptor(ends[0])
        let process = try start(arguments, nothing.rawValue, log.rawValue, OwnedDescriptor(ends[1]))
        switch try firstLine(of: reader) {
        case .line(let line): return (process, line)
        case .end:
            ChildProcess.end(process, patience: .seconds(5))
            throw CommandError(
                .failure, "the server did not start; the end of \(logPath) says:",
                hint: tail(of: logPath, from: logStart))
        case .late:
            kill(process, SIGTERM)
            ChildProcess.end(process, patience: .seconds(15))
            throw CommandError(
                .timedOut, "the server was not ready after \(patience) and was stopped", hint: "\(logPath) says more")
        }
    }

    private static func start(
        _ arguments: [String], _ input: Int32, _ log: Int32, _ ready: consuming OwnedDescriptor
    ) throws -> pid_t {
        try ChildProcess.start(
            "/proc/self/exe", arguments, variables: [readyVariable: "3"], input: input, output: log, errors: log,
            passing: ready.rawValue, leadsSession: true)
    }

    /// Tells whoever started this process in the background that the server is ready.
    ///
    /// - Parameter line: What is told, without a line feed.
    /// - Returns: Whether anybody waits for it.
    static func announce(_ line: String) -> Bool {
        guard Console.variable(readyVariable) == "3" else { return false }
        unsetenv(readyVariable)
        let text = line + "\n"
        // Where nobody reads any more, nobody needs to know.
        _ = text.utf8.withContiguousStorageIfAvailable { write(3, $0.baseAddress, $0.count) }
        close(3)
        return true
    }

    private enum Outcome { case line(String), end, late }

    private static func firstLine(of reader: borrowing OwnedDescriptor) throws -> Outcome {
        let deadline = ContinuousClock.now + patience
        var bytes: [UInt8] = []
        while !bytes.contains(0x0A) {
            let left = deadline - .now
            guard left > .zero else { return .late }
            var ready = pollfd(fd: reader.rawValue, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, Int32(left / .milliseconds(1)) + 1) > 0 else { continue }
            var piece = [UInt8](repeating: 0, count: 512)
            let count = read(reader.rawValue, &piece, piece.count)
            if count <= 0 { return .end }
            bytes += piece.prefix(count)
        }
        return .line(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
    }

    /// What was written to the log since `start`, at most the last ten lines.
    private static func tail(of path: String, from start: off_t) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "(nothing)" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let size = lseek(file, 0, SEEK_END)
        let count = pread(file, &bytes, bytes.count, max(start, size - off_t(bytes.count)))
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").suffix(10)
        return lines.isEmpty ? "(nothing)" : lines.joined(separator: "\n")
    }
}
