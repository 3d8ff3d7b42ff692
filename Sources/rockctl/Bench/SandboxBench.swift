import CLinux
import GEM
import Glibc
import Transport

// What is measured of sandboxes with a root filesystem.
//
//   SandboxBench.swift            what there is to measure, and the calls that all of it makes
//   SandboxBench+Starts.swift     one, a hundred at once, a container beside its engine
//   SandboxBench+Transfers.swift  a big file in and out
//   SandboxBench+Idle.swift       what a thousand that do nothing cost
//   BenchServer.swift             the server that is measured

/// Measures sandboxes over HTTP, in a closed loop of one thread, and beside them what the same machine does without. Blocks.
struct SandboxBench: Sendable {
    enum Name: String, CaseIterable {
        case start, crowd, docker, run, execute, upload, form, download, idle
    }

    let place: HTTPPlace
    let key: String?
    /// The server's process, where it is this benchmark's own.
    var process: pid_t?
    /// What every jail starts from.
    let image: String
    let duration: Duration
    /// How many sandboxes `crowd` starts at once, and `idle` keeps.
    let crowd: Int
    let idle: Int
    /// The size of what is copied, in bytes.
    let size: Int

    // MARK: Calls

    /// `run_in_session` of a command that does next to nothing.
    func run() throws -> BenchFinding {
        let times = try calls("sandbox.run_in_session", ["command": "echo hi", "check": "silent"]) { nil }
        return BenchFinding(
            name: "run_in_session \"echo hi\", p50", value: times.own.microseconds(at: 0.5) / 1000, unit: "ms",
            reach: .most(1), facts: [("p99", times.own.microseconds(at: 0.99) / 1000, "ms")])
    }

    /// `execute` of a program that does nothing, beside the same program started here.
    func execute() throws -> BenchFinding {
        let times = try calls("sandbox.execute", ["command": ["true"]]) { try Self.spawn(["/bin/true"]) }
        return BenchFinding(
            name: "execute [\"true\"], p50", value: times.own.microseconds(at: 0.5) / 1000, unit: "ms",
            peer: ("posix_spawn", times.peer.microseconds(at: 0.5) / 1000), reach: .ratioMost(3),
            facts: [("p99", times.own.microseconds(at: 0.99) / 1000, "ms")])
    }

    /// Calls `method` of a sandbox with a session, and does what `peer` does, by turns.
    private func calls(
        _ method: String, _ params: JSON.Object, peer: () throws -> Duration?
    ) throws -> (own: Distribution, peer: Distribution) {
        let connection = try BenchConnection(place, key: key)
        return try withSandbox(connection) { id in
            var params = params
            params["sandbox_id"] = .string(id)
            let request = connection.prepare(method, .object(params))
            _ = try connection.call(request)
            var (own, others): ([UInt64], [UInt64]) = ([], [])
            for _ in 0..<4 {
                own += try loop(duration / 4) {
                    let start = ContinuousClock.now
                    try connection.send(request)
                    _ = try connection.receive()
                    return ContinuousClock.now - start
                }
                others += try loop(duration / 8, peer)
            }
            return (Distribution(own, seconds: 1), Distribution(others, seconds: 1))
        }
    }

    // MARK: Sandboxes

    var params: JSON { ["image": .string(image), "runtime": "jail", "memory": "512m", "cpus": 1] }

    func start(_ params: JSON, _ connection: BenchConnection) throws -> String {
        guard let id = try connection.call(connection.prepare("sandbox.start", params))["sandbox_id"]?.string else {
            throw Self.unreadable
        }
        return id
    }

    func remove(_ ids: [String], _ connection: BenchConnection) throws {
        for id in ids {
            _ = try connection.call(connection.prepare("sandbox.stop", ["sandbox_id": .string(id)]))
            _ = try connection.call(connection.prepare("sandbox.delete", ["sandbox_id": .string(id)]))
        }
    }

    /// Runs `body` with a sandbox that has a session.
    func withSandbox<Value>(_ connection: BenchConnection, _ body: (String) throws -> Value) throws -> Value {
        let id = try start(params, connection)
        defer { try? remove([id], connection) }  // what is left is the server's to clear
        _ = try connection.call(connection.prepare("sandbox.create_session", ["sandbox_id": .string(id)]))
        return try body(id)
    }

    static let unreadable = CommandError(.failure, "an answer lacks what is measured")

    // MARK: Measuring

    /// Repeats `body`, a few times at least: one alone says nothing.
    ///
    /// - Returns: Nanoseconds each; none where `body` measures nothing.
    func loop(_ time: Duration, atMost limit: Int = 1_000_000, _ body: () throws -> Duration?) throws -> [UInt64] {
        let end = ContinuousClock.now + time
        var times: [UInt64] = []
        repeat {
            guard let time = try body() else { return [] }
            times.append(Self.nanoseconds(time))
        } while (ContinuousClock.now < end || times.count < 5) && times.count < limit
        return times
    }

    static func nanoseconds(_ duration: Duration) -> UInt64 { UInt64(max(0, duration / .nanoseconds(1))) }

    /// Runs a program to its end.
    static func spawn(_ words: [String], output: String = "/dev/null") throws -> Duration {
        let file = OwnedDescriptor(
            try SystemCallError.check(open(output, O_RDWR | O_CREAT | O_CLOEXEC, 0o600), "open", output))
        let start = ContinuousClock.now
        let process = try ChildProcess.start(
            words[0], Array(words.dropFirst()), input: file.rawValue, output: file.rawValue)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let time = ContinuousClock.now - start
        guard status == 0 else { throw CommandError(.failure, "\(words.joined(separator: " ")) failed") }
        return time
    }
}
