import Glibc
import Testing

/// A program run to its end: the built `rockctl`, or a shell that talks to it.
struct Program {
    let status: Int32
    let output: String
    let errors: String

    /// The folder of the test bundle, where the build puts every executable.
    static let buildFolder: String = {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        let text = String(decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return String(text[..<(text.lastIndex(of: "/") ?? text.startIndex)])
    }()
    static let rockctl = buildFolder + "/rockctl"

    /// Runs `rockctl` with pipes at its three streams.
    static func rockctl(
        _ arguments: [String], input: String = "", variables: [String: String] = [:]
    ) throws -> Program { try run(rockctl, arguments, input: input, variables: variables) }

    /// Runs the program at `path`; `variables` are all it finds in its environment beside `PATH`.
    static func run(
        _ path: String, _ arguments: [String], input: String = "", variables: [String: String] = [:]
    ) throws -> Program {
        let (stdin, stdout, stderr) = (try Pipe(), try Pipe(), try Pipe())
        let child = try Child(
            path, arguments, variables: variables,
            streams: [stdin.reader.rawValue, stdout.writer.rawValue, stderr.writer.rawValue])
        stdin.reader.close()
        stdout.writer.close()
        stderr.writer.close()
        stdin.writer.write(input)  // what the tests send fits into the pipe's 64 KiB
        stdin.writer.close()
        let (output, errors) = Descriptor.readToEnd(stdout.reader, stderr.reader)
        return Program(status: child.wait(), output: output, errors: errors)
    }
}

/// A descriptor that closes itself.
final class Descriptor {
    private(set) var rawValue: Int32

    init(_ rawValue: Int32) { self.rawValue = rawValue }
    deinit { close() }

    func close() {
        if rawValue >= 0 { _ = Glibc.close(rawValue) }
        rawValue = -1
    }

    func write(_ text: String) {
        var text = text
        _ = text.withUTF8 { Glibc.write(rawValue, $0.baseAddress, $0.count) }
    }

    /// One read; empty at the end, and where a terminal's other side is gone.
    func read() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = Glibc.read(rawValue, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }

    /// Reads both to their ends, whichever speaks first.
    static func readToEnd(_ first: Descriptor, _ second: Descriptor) -> (String, String) {
        var texts: [[UInt8]] = [[], []]
        var open = [first.rawValue, second.rawValue].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while open.contains(where: { $0.fd >= 0 }) {
            guard poll(&open, 2, -1) > 0 else { continue }
            for (index, descriptor) in [first, second].enumerated() where open[index].revents != 0 {
                let bytes = descriptor.read()
                texts[index] += bytes
                if bytes.isEmpty { open[index].fd = -1 }
            }
        }
        return (String(decoding: texts[0], as: UTF8.self), String(decoding: texts[1], as: UTF8.self))
    }
}

struct Pipe {
    let reader: Descriptor
    let writer: Descriptor

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reader = Descriptor(ends[0])
        writer = Descriptor(ends[1])
    }
}

/// A process of ours, waited for once.
struct Child {
    let pid: pid_t

    // `streams` become the child's 0, 1 and 2; `terminal`, a path, becomes its own terminal and all three.
    init(
        _ path: String, _ arguments: [String], variables: [String: String], streams: [Int32] = [],
        terminal: String? = nil
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var flags = Int16(POSIX_SPAWN_SETSIGDEF)
        for (target, source) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
        }
        if let terminal {
            flags |= 0x80  // POSIX_SPAWN_SETSID: the first terminal a session leader opens becomes its own
            posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
            posix_spawn_file_actions_adddup2(&actions, 0, 1)
            posix_spawn_file_actions_adddup2(&actions, 0, 2)
        }
        // The test runner may ignore SIGPIPE; the program must make that choice itself.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, flags)

        let variables = variables.merging(["PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"]) {
            own, _ in own
        }
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + settings).forEach { free($0) } }
        var pid = pid_t()
        let result = posix_spawnp(&pid, path, &actions, &attributes, &words, &settings)
        try #require(result == 0, "\(path): \(String(cString: strerror(result)))")
        self.pid = pid
    }

    /// The exit status, or 128 and the signal's number, as a shell says it.
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }
}
