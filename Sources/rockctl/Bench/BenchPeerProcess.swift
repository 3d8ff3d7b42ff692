import CLinux
import GEM
import Glibc
import Transport

/// A program that answers each line with a line. It ends with the value. Blocks.
final class BenchPeerProcess {
    private let pid: pid_t
    private let input: OwnedDescriptor
    private let output: OwnedDescriptor
    private var rest: [UInt8] = []

    /// - Parameter command: The program and its arguments; what it writes to standard error is not shown.
    /// - Throws: ``CommandError`` where it cannot be started.
    init(_ command: [String]) throws {
        var (down, up): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        _ = try SystemCallError.check(Int(pipe(&down)), "pipe")
        _ = try SystemCallError.check(Int(pipe(&up)), "pipe")
        input = OwnedDescriptor(down[1])
        output = OwnedDescriptor(up[0])
        let (theirInput, theirOutput) = (down[0], up[1])
        defer { for end in [theirInput, theirOutput] { close(end) } }
        for end in down + up { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, theirInput, 0)
        posix_spawn_file_actions_adddup2(&actions, theirOutput, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var words = command.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var pid = pid_t()
        let error = posix_spawnp(&pid, command[0], &actions, nil, &words, environ)
        guard error == 0 else {
            throw CommandError(.notFound, "cannot start \(command[0]): \(String(cString: strerror(error)))")
        }
        self.pid = pid
    }

    deinit {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    /// Sends `request` as a line and waits for the line that answers it.
    ///
    /// - Throws: ``CommandError`` where the program has ended or does not write JSON.
    func ask(_ request: JSON) throws -> JSON {
        var line = request.serialized + [0x0A]
        while !line.isEmpty {
            let count = write(input.rawValue, line, line.count)
            guard count > 0 else { throw Self.gone }
            line.removeFirst(count)
        }
        while true {
            if let end = rest.firstIndex(of: 0x0A) {
                let answer = Array(rest[..<end])
                rest.removeSubrange(...end)
                guard let json = try? JSON(parsing: answer.span) else { throw Self.gone }
                return json
            }
            var piece = [UInt8](repeating: 0, count: 65536)
            let count = read(output.rawValue, &piece, piece.count)
            guard count > 0 else { throw Self.gone }
            rest += piece.prefix(count)
        }
    }

    private static var gone: CommandError {
        CommandError(.failure, "the program to compare with has ended", hint: "try it: PYTHON -c 'import gem'")
    }
}
