import CLinux
import Glibc
import Transport

/// A program to be started.
struct Program {
    /// The arguments, the program's name first.
    var arguments: [String]
    var environment: ProcessEnvironment
    /// `nil`: this process's own.
    var directory: String?
    /// `nil`: this process's own.
    var account: UserAccount?
    /// Descriptors it gets besides its three streams, and the numbers it finds them under.
    var kept: [(from: Int32, to: Int32)] = []

    /// Longest path the kernel takes.
    private static let pathLimit = 4096

    /// Runs `text` as a shell does.
    static func shell(_ text: String) -> [String] { ["/bin/sh", "-c", text] }

    /// Starts it, in a session of its own.
    ///
    /// - Parameters:
    ///   - streams: What becomes its standard input, output and error.
    ///   - takesTerminal: Whether the input is a terminal that is to be its controlling one.
    /// - Returns: Its process id; pass it to ``Children/whenEnded(_:_:)`` at once.
    /// - Throws: ``RockletException`` in Python's words: that the program, the folder or the right to either is missing.
    func start(_ streams: [Int32], takesTerminal: Bool = false) throws(RockletException) -> Int32 {
        guard let name = arguments.first, !name.isEmpty else {
            throw RockletException(.value, "There is no program to run: the command is empty.")
        }
        let texts = arguments + environment.entries + [directory ?? ""]
        guard !texts.contains(where: { $0.utf8.contains(0) }) else {
            throw RockletException(.value, "embedded null byte")
        }
        var step: Int32 = 0
        let process = withCStrings(paths(of: name)) { paths in
            withCStrings(arguments) { arguments in
                withCStrings(environment.entries) { environment in
                    start(paths, arguments, environment, streams, takesTerminal, &step)
                }
            }
        }
        if process > 0 { return process }
        switch UInt32(step) {
        case ROCK_START_DIRECTORY.rawValue: throw RockletException(errno: -process, directory ?? "")
        case ROCK_START_IDENTITY.rawValue: throw RockletException(errno: -process, account?.name ?? "")
        default: throw RockletException(errno: -process, name)
        }
    }

    private func start(
        _ paths: [UnsafeMutablePointer<CChar>?], _ arguments: [UnsafeMutablePointer<CChar>?],
        _ environment: [UnsafeMutablePointer<CChar>?], _ streams: [Int32], _ takesTerminal: Bool, _ step: inout Int32
    ) -> Int32 {
        let from = kept.map(\.from)
        let to = kept.map(\.to)
        let groups = account?.groups ?? []
        let directory = directory.map { strdup($0) }
        defer { free(directory ?? nil) }
        return paths.withUnsafeBufferPointer { paths in
            arguments.withUnsafeBufferPointer { arguments in
                environment.withUnsafeBufferPointer { environment in
                    from.withUnsafeBufferPointer { from in
                        to.withUnsafeBufferPointer { to in
                            groups.withUnsafeBufferPointer { groups in
                                var start = rock_start()
                                start.paths = paths.baseAddress
                                start.arguments = arguments.baseAddress
                                start.environment = environment.baseAddress
                                start.directory = directory.flatMap { UnsafePointer($0) }
                                start.streams = (streams[0], streams[1], streams[2])
                                start.takes_terminal = takesTerminal ? 1 : 0
                                start.kept_from = from.baseAddress
                                start.kept_to = to.baseAddress
                                start.kept_count = from.count
                                start.changes_identity = account == nil ? 0 : 1
                                start.user = account?.user ?? 0
                                start.group = account?.group ?? 0
                                start.groups = groups.baseAddress
                                start.group_count = groups.count
                                return rock_process_start(&start, &step)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Where the program may be: at its path, or in the folders of its own `PATH`.
    private func paths(of name: String) -> [String] {
        if name.utf8.contains(0x2F) { return [name] }
        let path = environment["PATH"] ?? ProcessEnvironment.defaultPath
        return path.split(separator: ":", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "./" + name : "\($0)/\(name)" }
            .filter { $0.utf8.count < Self.pathLimit }
    }
}

/// Lends `texts` as C strings, with NULL behind the last.
private func withCStrings<Result>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    var pointers = texts.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers)
}
