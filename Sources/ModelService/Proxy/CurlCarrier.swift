import CLinux
import GEM
import Glibc
import Transport

/// Carries requests over TLS by Debian's curl, which has the system's certificates and proxies.
///
/// Everything reaches curl through its standard input, and the body through a file in memory: no key shows in a list of
/// processes.
struct CurlCarrier: UpstreamCarrier {
    /// Extra lines of curl's settings, such as another folder of certificates.
    let settings: [String]

    func open(_ request: UpstreamRequest) async throws -> UpstreamAnswer {
        guard let loop = EventLoop.current else { preconditionFailure("requests are answered on an event loop") }
        let run = try CurlRun(lines(for: request), body: request.body, request.timeout, on: loop)
        let head = try await run.head()
        return UpstreamAnswer(status: head.status, headers: head.headers, next: { try await run.next() }) {
            run.close()
        }
    }

    private func lines(for request: UpstreamRequest) throws(UpstreamFailure) -> [String] {
        let seconds = max(1, Int((request.timeout / .seconds(1)).rounded(.up)))
        var lines = [
            "url = \(try quoted(request.url))", "silent", "show-error", "include", "no-buffer", "globoff",
            "suppress-connect-headers", "proto = \"=https\"", "connect-timeout = \(min(seconds, 20))",
            "request = \(try quoted(request.method))", "user-agent = \"\"", "header = \"Expect:\"",
            "header = \"Accept:\"",
        ]
        if request.isStreamed {
            lines += ["speed-limit = 1", "speed-time = \(seconds)"]
        } else {
            lines.append("max-time = \(seconds)")
        }
        if !request.body.isEmpty { lines.append("data-binary = \"@/dev/fd/3\"") }
        for field in request.headers where !field.value.isEmpty {
            lines.append("header = \(try quoted("\(field.name): \(field.value)"))")
        }
        return lines + settings
    }

    private func quoted(_ text: String) throws(UpstreamFailure) -> String {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .unreachable("A control character stands in an address or a header line.")
        }
        return "\"" + text.flatMap { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" } + "\""
    }
}

/// One curl at work. For one task at a time, on its loop.
private final class CurlRun: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    private static let headLimit = 256 * 1024

    private let loop: EventLoop
    private let socket: StreamSocket
    private let process: OpenFile
    private let complaints: OpenFile
    private let patience: Duration
    private var pending: [UInt8] = []
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    private let exit: Task<ChildStatus, any Error>

    init(_ lines: [String], body: [UInt8], _ timeout: Duration, on loop: EventLoop) throws {
        self.loop = loop
        // curl keeps the time; this only ends the wait for one that does not.
        patience = timeout + .seconds(15)
        let text = Array((lines.joined(separator: "\n") + "\n").utf8)
        let (input, content, complaints) = try (
            Self.file("curl", text), Self.file("body", body), Self.file("errors", [])
        )
        var ends: [Int32] = [-1, -1]
        try SystemCallError.check(rock_stream_pair(&ends), "socketpair")
        let ours = OwnedDescriptor(ends[0])
        let theirs = OwnedDescriptor(ends[1])
        // curl takes a full socket that will not wait for a broken one.
        _ = fcntl(theirs.rawValue, F_SETFL, 0)
        let started = try Self.start([input.rawValue, theirs.rawValue, complaints.rawValue, content.rawValue])
        self.complaints = complaints
        process = started.descriptor
        exit = Task(executorPreference: loop) { try await loop.exitStatus(ofChild: started.number) }
        socket = StreamSocket(ours, on: loop)
        do { try socket.watch() } catch {
            rock_pidfd_send_signal(process.rawValue, SIGKILL)
            throw error
        }
    }

    deinit {
        room.deallocate()
        let (socket, process) = (socket, process)
        loop.execute {
            socket.close()
            // Without effect where it has ended.
            rock_pidfd_send_signal(process.rawValue, SIGKILL)
        }
    }

    func close() {
        rock_pidfd_send_signal(process.rawValue, SIGKILL)
        loop.execute { self.socket.close() }
    }

    // MARK: The answer

    func head() async throws -> (status: HTTPStatus, headers: [HTTPField]) {
        while true {
            while let end = Self.endOfHead(pending) {
                let head = pending[..<end]
                pending.removeFirst(end)
                guard let parsed = Self.parse(head) else { throw UpstreamFailure.broken("The answer is no HTTP.") }
                if parsed.status.rawValue >= 200 { return parsed }
            }
            guard pending.count < Self.headLimit else { throw UpstreamFailure.broken("The answer's head has no end.") }
            guard let more = try await receive() else {
                try await checkEnd()
                throw UpstreamFailure.broken("The answer ended before it began.")
            }
            pending += more
        }
    }

    func next() async throws -> [UInt8]? {
        if !pending.isEmpty {
            defer { pending = [] }
            return pending
        }
        if let more = try await receive() { return more }
        try await checkEnd()
        return nil
    }

    /// What curl has written; `nil` at the end.
    private func receive() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            do {
                while true {
                    try Task.checkCancellation()
                    if let count = try socket.receive(into: room) {
                        return count == 0 ? nil : Array(room[..<count])
                    }
                    try await socket.waitUntilReadable(until: loop.now + patience)
                }
            } catch ConnectionError.closed where Task.isCancelled {
                throw CancellationError()
            } catch ConnectionError.timedOut {
                close()
                throw UpstreamFailure.timedOut("curl said nothing in time.")
            } catch let error as ConnectionError {
                throw UpstreamFailure.broken("curl: \(error).")
            }
        } onCancel: {
            close()
        }
    }

    /// Whether the answer is whole: curl's exit status says.
    private func checkEnd() async throws {
        let status = try await exit.value
        if status == .exited(0) { return }
        let complaint = firstLine
        let text = complaint.isEmpty ? "curl ended with \(status)." : "\(complaint)."
        switch status {
        case .exited(28): throw UpstreamFailure.timedOut(text)
        case .exited(5), .exited(6), .exited(7), .exited(35), .exited(60), .exited(77):
            throw UpstreamFailure.unreachable(text)
        default: throw UpstreamFailure.broken(text)
        }
    }

    private var firstLine: String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(complaints.rawValue, &bytes, bytes.count, 0)
        let lines = bytes.prefix(max(0, count)).split(separator: 0x0A)
        return lines.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        let mark: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        let found = bytes.withUnsafeBytes { rock_find($0.baseAddress, $0.count, mark, mark.count) }
        return found < 0 ? nil : found + mark.count
    }

    private static func parse(_ head: ArraySlice<UInt8>) -> (status: HTTPStatus, headers: [HTTPField])? {
        let lines = String(decoding: head, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard let words = lines.first?.split(separator: " "), words.count >= 2, words[0].hasPrefix("HTTP/"),
            let status = UInt16(words[1]), 100...999 ~= status
        else { return nil }
        let fields = lines.dropFirst().compactMap { line -> HTTPField? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            return HTTPField(
                String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }))
        }
        return (HTTPStatus(rawValue: status), fields)
    }

    // MARK: The program

    private static func file(_ name: String, _ bytes: [UInt8]) throws -> OpenFile {
        let file = OpenFile(OwnedDescriptor(try SystemCallError.check(rock_memory_file(name), "memfd_create", name)))
        try SystemCallError.check(rock_write_all(file.rawValue, bytes, bytes.count), "write", name)
        lseek(file.rawValue, 0, SEEK_SET)
        return file
    }

    /// Starts curl with `streams` as its descriptors 0 to 3.
    private static func start(_ streams: [Int32]) throws -> (number: pid_t, descriptor: OpenFile) {
        let path = "/usr/bin/curl"
        guard access(path, X_OK) == 0 else {
            throw UpstreamFailure.unreachable(
                "The program curl is missing, which TLS needs. Install it: apt-get install curl.")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, stream) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, stream, Int32(number))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        let arguments: [String] = [path, "--disable", "--config", "-"]
        var words = arguments.map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { (words + variables).forEach { free($0) } }
        var number = pid_t()
        let result = posix_spawn(&number, path, &actions, &attributes, &words, &variables)
        guard result == 0 else { throw SystemCallError("posix_spawn", path, errno: result) }
        let descriptor = rock_pidfd_open(number)
        guard descriptor >= 0 else {
            kill(number, SIGKILL)  // ours and not collected yet, so the number is still its own
            waitpid(number, nil, 0)
            throw SystemCallError("pidfd_open", path, errno: -descriptor)
        }
        return (number, OpenFile(OwnedDescriptor(descriptor)))
    }

    /// What curl sees of our environment: proxies and certificates.
    private static var environment: [String] {
        let passed = [
            "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE",
            "SSL_CERT_DIR", "CURL_CA_BUNDLE",
        ]
        return ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"]
            + passed.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
    }
}
