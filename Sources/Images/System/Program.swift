import CImages
import CLinux
import GEM
import Glibc
import Transport

/// A system program at work for the store: gzip, zstd, xz, bzip2, curl. Never a shell.
final class Program {
    private let name: String
    private let process: pid_t
    private let complaints: OwnedDescriptor
    private var isCollected = false

    /// Starts the program `words[0]`, which is looked for where Debian has its programs.
    ///
    /// - Parameters:
    ///   - words: Its name and arguments; they show in `ps`, so no secrets.
    ///   - input: Becomes its standard input.
    ///   - output: Becomes its standard output.
    /// - Throws: ``Failure`` that names the Debian package where the program is missing.
    init(_ words: [String], input: Int32, output: Int32) throws(Failure) {
        name = words[0]
        guard let path = Self.find(name) else {
            throw Failure(
                .infraFailed,
                "The program \(name) is missing. Install it: apt-get install \(SystemProgram.named(name).package).")
        }
        complaints = OwnedDescriptor(try Failure.check(rock_image_memory_file("errors"), "memfd_create", name))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, complaints.rawValue, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        var words = words.map { strdup($0) } + [nil]
        var settings = Self.environment.map { strdup($0) } + [nil]
        defer { (words + settings).forEach { free($0) } }
        var process = pid_t()
        let result = posix_spawn(&process, path, &actions, &attributes, &words, &settings)
        guard result == 0 else { throw Failure("posix_spawn", path, result) }
        self.process = process
    }

    deinit { if !isCollected { end() } }

    /// Waits until it has ended.
    ///
    /// - Returns: Its exit status, 128 and more for a signal, and the end of what it wrote to standard error.
    func wait() -> (status: Int32, complaint: String) {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        isCollected = true
        let signal = status & 0x7F
        return (signal == 0 ? status >> 8 & 0xFF : 128 + signal, complaint)
    }

    /// Ends it, whatever it is doing.
    func end() {
        guard !isCollected else { return }
        kill(process, SIGKILL)  // ours and not collected yet, so the number is still its own
        _ = wait()
    }

    /// The last line of standard error.
    private var complaint: String {
        let size = lseek(complaints.rawValue, 0, SEEK_END)
        var text = [UInt8](repeating: 0, count: Int(min(max(size, 0), 4096)))
        let count = pread(complaints.rawValue, &text, text.count, off_t(max(0, size - 4096)))
        let lines = text.prefix(max(0, count)).split(separator: 0x0A)
        return lines.last.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    static func find(_ name: String) -> String? { SystemProgram.named(name).path }

    /// What programs see of our environment: where to look for programs, proxies and certificates.
    private static var environment: [String] {
        let passed = [
            "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
            "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
        ]
        return ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"]
            + passed.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
    }
}
