import CLinux
import GEM
import Glibc
import Transport

/// A big file on its way in and out, beside cp(1) from and to the same disk. Neither waits until the disk has it.
extension SandboxBench {
    enum Way { case upload, form, download }

    func transfer(_ way: Way) throws -> BenchFinding {
        var template = Array("/var/tmp/rock-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemCallError("mkdtemp", "/var/tmp", errno: errno) }
        let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let (from, to) = (folder + "/from", folder + "/to")
        defer {
            for file in [from, to] { unlink(file) }
            rmdir(folder)
        }
        _ = try Self.spawn(["/usr/bin/head", "-c", "\(size)", "/dev/urandom"], output: from)
        let connection = try BenchConnection(place, key: key)
        return try withSandbox(connection) { id in
            let address = "http://\(place.authority)\(place.path)"
            let copy = ["/proc/\(getpid())/exe", "sandbox", "cp", "--quiet", "--url", address]
            if way == .download { _ = try Self.spawn(copy + [from, "\(id):\(Self.target)"]) }
            let growth = process.map { ServerMemory(of: $0) }
            var (own, peer): ([UInt64], [UInt64]) = ([], [])
            for turn in 0..<4 {
                // A file that is replaced is also freed, which is not what is measured.
                unlink(to)
                let beside = try Self.spawn(["/bin/cp", "--reflink=never", from, to])
                unlink(to)
                if way != .download { try removeTarget(id, connection) }
                let time =
                    switch way {
                    case .upload: try Self.spawn(copy + [from, "\(id):\(Self.target)"])
                    case .form: try sendForm(from, id)
                    case .download: try Self.spawn(copy + ["\(id):\(Self.target)", to])
                    }
                if turn == 0 { continue }
                own.append(Self.nanoseconds(time))
                peer.append(Self.nanoseconds(beside))
            }
            let rate = { (times: [UInt64]) in Double(size) / Distribution(times, seconds: 1).microseconds(at: 0.5) }
            var finding = BenchFinding(
                name: "\(way.words) of \(size >> 20) MiB", value: rate(own), unit: "MB/s", peer: ("cp", rate(peer)),
                reach: .ratioLeast(0.5))
            if let growth { finding.facts.append(("the server gained", growth.most(), "MB")) }
            return finding
        }
    }

    /// Below the root, and so on the sandbox's disk.
    private static let target = "/root/file"

    private func removeTarget(_ id: String, _ connection: BenchConnection) throws {
        _ = try connection.call(
            connection.prepare(
                "sandbox.execute", ["sandbox_id": .string(id), "command": ["rm", "-f", .string(Self.target)]]))
    }

    /// Sends the file at `path` as ROCK's clients do: in a form, behind its fields.
    private func sendForm(_ path: String, _ id: String) throws -> Duration {
        let boundary = "rock-bench-7MA4YWxkTrZu0gW"
        var head = ""
        for (name, text) in [("sandbox_id", id), ("target_path", Self.target)] {
            head += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(text)\r\n"
        }
        head += "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\r\n"
        let tail = "\r\n--\(boundary)--\r\n"
        let length = head.utf8.count + size + tail.utf8.count
        let request =
            "POST \(place.path)/apis/envs/sandbox/v1/upload HTTP/1.1\r\nHost: \(place.authority)\r\n"
            + (key.map { "X-API-Key: \($0)\r\n" } ?? "")
            + "Content-Type: multipart/form-data; boundary=\(boundary)\r\nContent-Length: \(length)\r\n\r\n" + head
        let file = OwnedDescriptor(try SystemCallError.check(open(path, O_RDONLY | O_CLOEXEC), "open", path))
        let start = ContinuousClock.now
        let connection = try BenchConnection(place, key: key)
        try connection.send(Array(request.utf8))
        var offset: Int64 = 0
        while offset < Int64(size) {
            let sent = rock_sendfile(connection.descriptor, file.rawValue, &offset, size - Int(offset))
            guard try SystemCallError.check(sent, "sendfile") > 0 else { throw Self.unreadable }
        }
        try connection.send(Array(tail.utf8))
        _ = try connection.receive()
        guard connection.lastAnswer(contains: "\"Success\"") else { throw Self.unreadable }
        return ContinuousClock.now - start
    }
}

extension SandboxBench.Way {
    fileprivate var words: String {
        switch self {
        case .upload: "upload"
        case .form: "upload as a form"
        case .download: "download"
        }
    }
}

/// How much a process's resident memory has grown at its highest.
private struct ServerMemory {
    private let process: pid_t
    private let before: Double

    init(of process: pid_t) {
        self.process = process
        // From now on the highest is counted anew.
        let file = open("/proc/\(process)/clear_refs", O_WRONLY | O_CLOEXEC)
        if file >= 0 {
            _ = write(file, "5", 1)
            close(file)
        }
        before = Self.megabytes("VmHWM:", process)
    }

    func most() -> Double { Self.megabytes("VmHWM:", process) - before }

    private static func megabytes(_ name: String, _ process: pid_t) -> Double {
        let text = ProcText.read("/proc/\(process)/status") ?? ""
        return Double(ProcText.number(behind: name, in: text) ?? 0) * 1024 / 1e6
    }
}
