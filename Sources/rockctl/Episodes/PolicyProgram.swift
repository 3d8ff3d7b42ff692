import CLinux
import GEM
import Glibc
import Synchronization
import Transport

/// A program that plays: it reads one line of JSON for each observation and answers each with an action on one line.
///
///     → {"episode":1,"turn":0,"observation":"…","reward":null,"terminated":false,"truncated":false,"info":{}}
///     ← \boxed{up}
///
/// An answer that is a JSON string stands for its meaning, so an action may hold line feeds. The line that ends an
/// episode (`terminated` or `truncated`) wants no answer; the end of its input ends the program.
final class PolicyProgram: Policy {
    private let command: String
    private let process: pid_t
    private let input: OwnedDescriptor
    private let output: OwnedDescriptor
    /// Threads that may wait for the program.
    private let threads: BlockingPool
    private let episode = Mutex(0)
    /// What came behind the last answer.
    private let rest = Mutex<[UInt8]>([])

    private static let answerLimit = 1 << 20

    /// Starts `command` in a shell.
    init(_ command: String, threads: BlockingPool) throws {
        self.command = command
        self.threads = threads
        var (toProgram, fromProgram): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        try SystemCallError.check(rock_pipe(&toProgram, 0), "pipe")
        input = OwnedDescriptor(toProgram[1])
        let itsInput = OwnedDescriptor(toProgram[0])
        try SystemCallError.check(rock_pipe(&fromProgram, 0), "pipe")
        output = OwnedDescriptor(fromProgram[0])
        let itsOutput = OwnedDescriptor(fromProgram[1])
        process = try ChildProcess.start(
            "/bin/sh", ["-c", command], input: itsInput.rawValue, output: itsOutput.rawValue)
    }

    func proposal(beforeTurn turn: Int) -> Bool { false }

    func begin(_ episode: Episode, observation: JSON, proposal: String?) async throws -> String {
        self.episode.withLock { $0 = episode.number }
        try await tell(turn: 0, observation: observation, reward: .null, terminated: false, truncated: false, info: [:])
        return try await answer(after: 0)
    }

    func act(on turn: Turn, proposal: String?) async throws -> String {
        try await tell(turn)
        return try await answer(after: turn.number)
    }

    func end(_ turn: Turn) async throws { try await tell(turn) }

    func stop() async {
        let (process, input) = (process, input.rawValue)
        // Its own copy of the pipe stays open with this object, so the end is made by another.
        _ = dup2(Self.nowhere, input)
        _ = try? await threads.run { ChildProcess.end(process, patience: .seconds(2)) }
    }

    /// A descriptor that takes everything: what stands in the place of a pipe that is to end.
    private static let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)

    private func tell(_ turn: Turn) async throws {
        try await tell(
            turn: turn.number, observation: turn.observation,
            reward: JSON.Number(turn.reward).map(JSON.number) ?? .null,
            terminated: turn.terminated, truncated: turn.truncated, info: turn.info)
    }

    private func tell(
        turn: Int, observation: JSON, reward: JSON, terminated: Bool, truncated: Bool, info: JSON
    ) async throws {
        let line: JSON = [
            "episode": .number(JSON.Number(episode.withLock { $0 })), "turn": .number(JSON.Number(turn)),
            "observation": observation, "reward": reward, "terminated": .bool(terminated),
            "truncated": .bool(truncated), "info": info,
        ]
        let bytes = line.serialized + [0x0A]
        let descriptor = input.rawValue
        let isWritten = try await waiting {
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno != EINTR { return false }
                sent += max(0, count)
            }
            return true
        }
        // A program that needs no farewell may be gone by the end of the last episode.
        if !isWritten, !terminated, !truncated { throw gone(after: turn) }
    }

    private func answer(after turn: Int) async throws -> String {
        let descriptor = output.rawValue
        var line = rest.withLock { rest in
            defer { rest = [] }
            return rest
        }
        while line.firstIndex(of: 0x0A) == nil {
            let piece = try await waiting {
                var bytes = [UInt8](repeating: 0, count: 64 << 10)
                var count = -1
                repeat { count = read(descriptor, &bytes, bytes.count) } while count < 0 && errno == EINTR
                return Array(bytes.prefix(max(0, count)))
            }
            guard !piece.isEmpty else { throw gone(after: turn) }
            line += piece
            guard line.count <= Self.answerLimit else {
                throw CommandError(
                    .failure, "the policy's answer to turn \(turn) is longer than \(Self.answerLimit) bytes")
            }
        }
        guard let end = line.firstIndex(of: 0x0A) else { throw gone(after: turn) }
        rest.withLock { $0 = Array(line[(end + 1)...]) }
        let text = String(decoding: line[..<end], as: UTF8.self)
        if text.hasPrefix("\""), let meaning = (try? JSON(parsing: text))?.string { return meaning }
        return text
    }

    /// Runs `work` on a thread that may block; cancelling ends the program, which ends the wait.
    private func waiting<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        let process = process
        let value = try await withTaskCancellationHandler {
            try await threads.run(work)
        } onCancel: {
            kill(process, SIGTERM)
        }
        try Task.checkCancellation()
        return value
    }

    private func gone(after turn: Int) -> CommandError {
        CommandError(
            .failure, "the policy '\(command)' ended without answering turn \(turn)",
            hint: "it must answer every line it reads with an action on one line, and flush its output")
    }
}
