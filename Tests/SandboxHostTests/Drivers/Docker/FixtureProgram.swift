import CLinux
import GEM
import Glibc
import Transport

/// A script of this package's that runs something for the tests: says `ready …` when that can be used, and ends when its
/// standard input does, which is at the latest when this process does.
final class FixtureProgram: Sendable {
    /// What it said after `ready`.
    let address: String
    private let input: Int32
    private let process: Int32

    /// - Parameters:
    ///   - script: Its name in `Scripts`.
    ///   - arguments: What follows on its command line.
    /// - Throws: When it cannot be started, or ends before it is ready.
    init(_ script: String, _ arguments: [String]) async throws {
        (process, input, address) = try await BlockingPool.run { try Self.start(script, arguments) }
    }

    /// Ends it and waits for its end.
    func end() async throws {
        let (input, process) = (input, process)
        _ = try await BlockingPool.run {
            close(input)
            var status: Int32 = 0
            return waitpid(process, &status, 0)
        }
    }

    /// The package's folder, three above the build's.
    static let package: String = {
        let path = buildFolder.split(separator: "/")
        guard let build = path.lastIndex(of: ".build") else { return "." }
        return "/" + path[..<build].joined(separator: "/")
    }()

    private static func start(_ script: String, _ arguments: [String]) throws -> (Int32, Int32, String) {
        var input: [Int32] = [-1, -1]
        var output: [Int32] = [-1, -1]
        try SystemCallError.check(rock_pipe(&input, 0), "pipe2")
        try SystemCallError.check(rock_pipe(&output, 0), "pipe2")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        // Signals are blocked here, which children would inherit.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words = ["\(package)/Scripts/\(script)"] + arguments
        var vector = words.map { strdup($0) } + [nil]
        defer { for word in vector { free(word) } }
        var process: pid_t = 0
        let error = posix_spawn(&process, words[0], &actions, &attributes, &vector, environ)
        close(input[0])
        close(output[1])
        defer { close(output[0]) }
        guard error == 0 else { throw SystemCallError("posix_spawn", words[0], errno: error) }
        var text: [UInt8] = []
        var byte: UInt8 = 0
        while read(output[0], &byte, 1) == 1, byte != 0x0A { text.append(byte) }
        let line = String(decoding: text, as: UTF8.self)
        guard line.hasPrefix("ready ") else {
            throw Failure(.infraFailed, "\(script) did not get ready: \(line)")
        }
        return (process, input[1], String(line.dropFirst(6)))
    }
}
