import CLinux
import GEM
import Glibc
import Transport

/// Measures sandboxes over HTTP, in a closed loop of one thread, and beside them what the same machine does without. Blocks.
struct SandboxBench {
    enum Name: String, CaseIterable {
        case spawn, start, crowd, run, execute, copy, upload, download, idle
    }

    let place: HTTPPlace
    let key: String?
    /// What every sandbox starts from.
    let image: String
    let runtime: String
    let duration: Duration
    /// How many sandboxes `crowd` starts at once, and `idle` keeps.
    let crowd: Int
    let idle: Int
    /// The size of what is copied, in bytes.
    let size: Int

    func measure(_ name: Name) throws -> BenchResult {
        switch name {
        case .spawn: try loop(name) { try Self.spawn(["/bin/true"]) }
        case .start: try starts(name)
        case .crowd: try crowd(name)
        case .run: try calls(name, "sandbox.run_in_session", ["command": "echo hi", "check": "silent"])
        case .execute: try calls(name, "sandbox.execute", ["command": ["true"]])
        case .copy, .upload, .download: try transfer(name)
        case .idle: try idle(name)
        }
    }

    // MARK: Starts

    /// From the call of a start to the end of the first command.
    private func starts(_ name: Name) throws -> BenchResult {
        let connection = try BenchConnection(place, key: key)
        // The first start of a server makes what all others share.
        try remove([try start(connection)], connection)
        return try loop(name, atMost: 200) {
            let start = ContinuousClock.now
            let id = try self.start(connection)
            _ = try connection.call(
                connection.prepare("sandbox.execute", ["sandbox_id": .string(id), "command": ["true"]]))
            let time = ContinuousClock.now - start
            try remove([id], connection)
            return time
        }
    }

    /// Many at once: from the first call until the first command of each has ended.
    private func crowd(_ name: Name) throws -> BenchResult {
        let connections = try (0..<crowd).map { _ in try BenchConnection(place, key: key) }
        let start = ContinuousClock.now
        for connection in connections { try connection.send(connection.prepare("sandbox.start", params)) }
        var ids: [String] = []
        for connection in connections {
            let answer = try connection.result()
            guard let id = answer["sandbox_id"]?.string else { throw Self.unreadable }
            ids.append(id)
            try connection.send(
                connection.prepare("sandbox.execute", ["sandbox_id": .string(id), "command": ["true"]]))
        }
        var times: [UInt64] = []
        for connection in connections {
            _ = try connection.result()
            times.append(Self.nanoseconds(ContinuousClock.now - start))
        }
        let result = BenchResult(
            name: name.rawValue, times: Distribution(times, seconds: Double(times.max() ?? 0) / 1e9),
            facts: [("sandboxes", Double(crowd))])
        for (id, connection) in zip(ids, connections) { try remove([id], connection) }
        return result
    }

    /// What a sandbox with a session that does nothing takes of the machine's memory.
    private func idle(_ name: Name) throws -> BenchResult {
        let connection = try BenchConnection(place, key: key)
        var ids: [String] = []
        defer { try? remove(ids, connection) }  // what is left is the server's to clear
        let result = try loop(name, atMost: idle, within: .seconds(600)) {
            let start = ContinuousClock.now
            let id = try self.start(connection)
            ids.append(id)
            _ = try connection.call(connection.prepare("sandbox.create_session", ["sandbox_id": .string(id)]))
            return ContinuousClock.now - start
        }
        // What the kernel charges to each, its own memory for it included.
        var bytes = 0.0
        for id in ids {
            let usage = try connection.call(connection.prepare("sandbox.statistics", ["sandbox_id": .string(id)]))
            bytes += usage["memory_bytes"]?.double ?? 0
        }
        var counted = result
        counted.facts = [("sandboxes", Double(ids.count)), ("kB each", bytes / Double(ids.count) / 1000)]
        return counted
    }

    private var params: JSON {
        ["image": .string(image), "runtime": .string(runtime), "memory": "512m", "cpus": 1, "disk": "2g"]
    }

    private func start(_ connection: BenchConnection) throws -> String {
        guard let id = try connection.call(connection.prepare("sandbox.start", params))["sandbox_id"]?.string else {
            throw Self.unreadable
        }
        return id
    }

    private func remove(_ ids: [String], _ connection: BenchConnection) throws {
        for id in ids {
            _ = try connection.call(connection.prepare("sandbox.stop", ["sandbox_id": .string(id)]))
            _ = try connection.call(connection.prepare("sandbox.delete", ["sandbox_id": .string(id)]))
        }
    }

    /// Runs `body` with a sandbox that has a session.
    private func withSandbox<Value>(_ body: (String, BenchConnection) throws -> Value) throws -> Value {
        let connection = try BenchConnection(place, key: key)
        let id = try start(connection)
        defer { try? remove([id], connection) }  // what is left is the server's to clear
        _ = try connection.call(connection.prepare("sandbox.create_session", ["sandbox_id": .string(id)]))
        return try body(id, connection)
    }

    // MARK: Calls and copies

    private func calls(_ name: Name, _ method: String, _ params: JSON.Object) throws -> BenchResult {
        try withSandbox { id, connection in
            var params = params
            params["sandbox_id"] = .string(id)
            let request = connection.prepare(method, .object(params))
            _ = try connection.call(request)
            return try loop(name) {
                let start = ContinuousClock.now
                try connection.send(request)
                _ = try connection.receive()
                return ContinuousClock.now - start
            }
        }
    }

    /// A file of ``size``: copied here by cp(1), sent, or fetched.
    private func transfer(_ name: Name) throws -> BenchResult {
        var template = Array("/var/tmp/rock-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemCallError("mkdtemp", "/var/tmp", errno: errno) }
        let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer {
            for file in ["from", "to"] { unlink("\(folder)/\(file)") }
            rmdir(folder)
        }
        _ = try Self.spawn(["/usr/bin/head", "-c", "\(size)", "/dev/urandom"], output: folder + "/from")
        var result: BenchResult
        if name == .copy {
            result = try loop(name, atMost: 5) { try Self.spawn(["/bin/cp", folder + "/from", folder + "/to"]) }
        } else {
            let address = "http://\(place.authority)\(place.path)"
            let own = ["/proc/\(getpid())/exe", "sandbox", "cp", "--quiet", "--url", address]
            result = try withSandbox { id, _ in
                let upload = own + [folder + "/from", "\(id):/tmp/file"]
                _ = try Self.spawn(upload)
                let words = name == .upload ? upload : own + ["\(id):/tmp/file", folder + "/to"]
                return try loop(name, atMost: 5) { try Self.spawn(words) }
            }
        }
        result.facts = [("MB/s", Double(size) / result.times.microseconds(at: 0.5))]
        return result
    }

    // MARK: Measuring

    private func loop(
        _ name: Name, atMost limit: Int = 1_000_000, within time: Duration? = nil, _ body: () throws -> Duration
    ) throws -> BenchResult {
        let start = ContinuousClock.now
        let end = start + (time ?? duration)
        var times: [UInt64] = []
        // A few at least: one alone says nothing.
        repeat {
            times.append(Self.nanoseconds(try body()))
        } while (ContinuousClock.now < end || times.count < 5) && times.count < limit
        return BenchResult(
            name: name.rawValue, times: Distribution(times, seconds: (ContinuousClock.now - start) / .seconds(1)))
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 { UInt64(max(0, duration / .nanoseconds(1))) }

    /// Runs a program to its end.
    private static func spawn(_ words: [String], output: String = "/dev/null") throws -> Duration {
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

    private static let unreadable = CommandError(.failure, "an answer lacks what is measured")
}
