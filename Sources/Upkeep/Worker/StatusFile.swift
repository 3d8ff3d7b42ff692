import CLinux
import GEM
import Glibc

/// What a worker remembers of a task's last run, in a file that ROCK's own tools can read.
struct StatusFile: Sendable {
    let path: String

    /// - Parameters:
    ///   - type: What the file is called by.
    ///   - folder: Where it is; made where it is missing.
    init(_ type: String, in folder: String) { path = "\(folder)/\(type)_status.json" }

    struct Content: Equatable {
        var task: String
        var address: String
        var report: TaskReport
        /// `2026-01-21T19:38:00`, local time without a zone.
        var lastRun: String
        /// When ``TaskReport/process`` started, in clock ticks since the machine did: with it the number is nobody else's.
        var processStart: UInt64?
    }

    /// What it says; `nil` where there is none that can be read.
    func read() -> Content? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: TaskReport.longestDetails + 8192)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            if got < 0 { return nil }
            if got == 0 { break }
            count += got
        }
        guard let json = try? JSON(parsing: bytes.span.extracting(first: count)),
            let status = json["status"]?.string.flatMap(TaskReport.Status.init(rawValue:))
        else { return nil }
        let report = TaskReport(
            status, process: json["pid"]?.int.flatMap(Int32.init(exactly:)), error: json["error"]?.string,
            details: json["extra"]?.object ?? JSON.Object())
        return Content(
            task: json["task_name"]?.string ?? "", address: json["worker_ip"]?.string ?? "", report: report,
            lastRun: json["last_run"]?.string ?? "",
            processStart: json["pid_start"]?.string.flatMap { UInt64($0) })
    }

    /// Replaces it, so that a reader finds the whole of it or what was there before.
    ///
    /// - Throws: ``Failure`` that names the file.
    func write(_ content: Content) throws(Failure) {
        let folder = String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex))
        if mkdir(folder, 0o755) != 0, errno != EEXIST { throw refusal("its folder cannot be made") }
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw refusal("it cannot be written") }
        let bytes = content.text
        let result = rock_write_all(descriptor, bytes, bytes.count)
        close(descriptor)
        guard result == 0, rename(temporary, path) == 0 else {
            if result != 0 { errno = -result }
            let failure = refusal("it cannot be written")
            unlink(temporary)
            throw failure
        }
    }

    private func refusal(_ what: String) -> Failure {
        Failure(.infraFailed, "The status file \(path): \(what): \(String(cString: strerror(errno))).")
    }
}

extension StatusFile.Content {
    /// Indented by two, as ROCK's is.
    var text: [UInt8] {
        var object = JSON.Object()
        object["task_name"] = .string(task)
        object["worker_ip"] = .string(address)
        object["pid"] = report.process.map { .number(JSON.Number(Int($0))) } ?? .null
        object["status"] = .string(report.status.rawValue)
        object["last_run"] = .string(lastRun)
        object["error"] = report.error.map { .string($0) } ?? .null
        object["extra"] = .object(report.details)
        if let processStart { object["pid_start"] = .string(String(processStart)) }
        let lines = object.members.map { member in
            "  \(String(decoding: JSON.string(member.name).serialized, as: UTF8.self)): "
                + String(decoding: member.value.serialized, as: UTF8.self)
        }
        return Array("{\n\(lines.joined(separator: ",\n"))\n}\n".utf8)
    }
}
