import GEM
import Registry
import SandboxHost
import Synchronization

/// How a commit stands, in the words of ROCK's clients.
struct CommitStatus: Sendable {
    enum Phase: String, Sendable { case running = "RUNNING", succeeded = "SUCCEEDED", failed = "FAILED" }

    let sandboxID: String
    let imageTag: String
    var phase = Phase.running
    let startedAt: Timestamp
    var completedAt: Timestamp?
    var failure: Failure?
    var digest = ""
    /// Tells two commits of one sandbox apart.
    let number: Int

    /// The object that both SDKs accept.
    func json(times: TimeFormat) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, text) in [
            ("sandbox_id", sandboxID), ("image_tag", imageTag), ("phase", phase.rawValue),
            ("started_at", times.text(startedAt)), ("stdout", phase == .succeeded ? "\(sandboxID) commited" : ""),
            ("stderr", failure?.message ?? ""), ("digest", digest),
        ] {
            writer.name(name)
            writer.string(text)
        }
        writer.name("completed_at")
        if let completedAt { times.write(completedAt, to: &writer) } else { writer.null() }
        writer.name("exit_code")
        switch phase {
        case .running: writer.null()
        case .succeeded: writer.integer(0)
        case .failed: writer.integer(1)
        }
        for (name, text) in [
            ("failed_stage", failure.map(Self.stage)),
            ("error_code", failure.map { Self.stage(of: $0).uppercased() + "_FAILED" }),
            ("error_message", failure?.message),
        ] {
            writer.name(name)
            if let text { writer.string(text) } else { writer.null() }
        }
        writer.endObject()
        return writer.bytes
    }

    private static func stage(of failure: Failure) -> String {
        let text = failure.message.lowercased()
        return text.contains("login") ? "login" : text.contains("push") ? "push" : "commit"
    }
}

/// The latest commit of each sandbox, as many as are worth remembering.
struct CommitBook {
    private var statuses: [String: CommitStatus] = [:]
    private var order: [String] = []
    private var count = 0
    private static let limit = 1024

    func status(of id: String) -> CommitStatus? { statuses[id] }

    /// Begins a commit; `nil` while another of the same sandbox is under way.
    mutating func begin(_ id: String, tag: String, at time: Timestamp) -> CommitStatus? {
        if statuses[id]?.phase == .running { return nil }
        count += 1
        let status = CommitStatus(sandboxID: id, imageTag: tag, startedAt: time, number: count)
        if statuses.updateValue(status, forKey: id) == nil { order.append(id) }
        while order.count > Self.limit, let place = order.firstIndex(where: { statuses[$0]?.phase != .running }) {
            statuses[order.remove(at: place)] = nil
        }
        return status
    }

    mutating func finish(_ status: CommitStatus) {
        if statuses[status.sandboxID]?.number == status.number { statuses[status.sandboxID] = status }
    }
}

extension SandboxDirectory {
    /// Makes an image of a sandbox's files and pushes it where the tag names a registry.
    ///
    /// - Parameters:
    ///   - id: The sandbox, running or stopped.
    ///   - tag: The image's name.
    ///   - credentials: For the push.
    ///   - patience: How long to wait for the end of it; after that the answer says that it is running.
    ///   - caller: Who asks.
    /// - Returns: How the commit stands.
    /// - Throws: ``Failure``: `unknownSandbox`, `conflict` in a wrong state or while another commit runs.
    func commit(
        _ id: String, tag: String, credentials: RegistryCredentials?, patience: Duration, for caller: SandboxCaller
    ) async throws(Failure) -> CommitStatus {
        let record = try record(id, for: caller)
        guard let name = SandboxID(rawValue: id), record.state == .running || record.state == .stopped else {
            throw Failure(
                .conflict,
                "Sandbox \(id) is \(record.state.rawValue); only a running or stopped one has files to commit.")
        }
        guard !tag.isEmpty, tag.utf8.count <= SandboxRequest.textLimit else {
            throw Failure(.invalidArgument, "image_tag must be a name such as registry.example/team/image:1.")
        }
        guard let begun = state.withLock({ $0.commits.begin(id, tag: tag, at: clock.now()) }) else {
            throw Failure(
                .conflict, "Sandbox \(id) is being committed already. Ask how that stands, or try again later.")
        }
        let task = Task { () -> Void in
            var status = begun
            do throws(Failure) {
                let push = tag.split(separator: "/").first.map {
                    $0.contains(".") || $0.contains(":") || $0 == "localhost"
                }
                let image = try await self.machine.commit(
                    name, driver: record.driver, tag: tag, push: push == true && tag.contains("/"),
                    credentials: credentials)
                status.digest = image.digest
                status.phase = .succeeded
            } catch {
                status.failure = error
                status.phase = .failed
            }
            status.completedAt = self.clock.now()
            self.state.withLock { [status] in $0.commits.finish(status) }
        }
        // Not cancelled when the patience ends: the commit goes on.
        await Patience.wait(for: task, until: clock.now().advanced(by: patience), clock)
        return state.withLock { $0.commits.status(of: id) } ?? begun
    }

    /// How the latest commit of a sandbox stands; `nil` where there has been none since the server started.
    func commitStatus(of id: String, for caller: SandboxCaller) throws(Failure) -> CommitStatus? {
        _ = try record(id, for: caller)
        return state.withLock { $0.commits.status(of: id) }
    }

    /// Makes an image ready on this machine ahead of use.
    func warmUp(image: String?, runtime: String?) async throws(Failure) {
        try await machine.prepare(
            image: image ?? configuration.image, pull: .missing, credentials: nil,
            driver: runtime ?? configuration.defaultDriver)
    }
}

/// Waiting for a task that goes on whether or not anybody waits.
enum Patience {
    static func wait(for task: Task<Void, Never>, until time: Timestamp, _ clock: DirectoryClock) async {
        let (over, end) = AsyncStream.makeStream(of: Void.self)
        let cancel = clock.schedule(time) { end.finish() }
        defer { cancel() }
        let watcher = Task {
            await task.value
            end.finish()
        }
        for await _ in over {}
        watcher.cancel()
    }
}
