import GEM
import Registry
import SandboxHost
import Synchronization

extension SandboxDirectory {
    /// What `get_status` answers, and a use of the sandbox.
    ///
    /// - Parameters:
    ///   - id: The sandbox.
    ///   - includesAllStates: Whether a sandbox that is neither pending nor running is found too. One that failed to start
    ///     always is: clients that wait for it look for the phase that failed.
    ///   - caller: Who asks.
    /// - Returns: The status as one JSON object.
    /// - Throws: ``Failure`` of kind `unknownSandbox`.
    func status(
        of id: String, includesAllStates: Bool, for caller: SandboxCaller
    ) async throws(Failure) -> [UInt8] {
        var record = try record(id, for: caller)
        guard includesAllStates || record.state.isLive || record.failedToStart else {
            throw Failure(.unknownSandbox, "Sandbox \(id) not found.")
        }
        let registry = try registry()
        if record.state.isLive {
            registry.touch(id)
            record = registry.record(id) ?? record
        }
        var context = SandboxRecord.StatusContext(isAlive: isAlive(record))
        context.gatewayVersion = Self.gatewayVersion
        context.agentVersion = Self.agentVersion
        if statusSource == .legacy, context.isAlive { context.isAlive = await answers(record) }
        var writer = JSONWriter(expecting: Self.statusBytes)
        record.writeStatus(context, times: registry.times, to: &writer)
        return writer.bytes
    }

    /// What nearly every status fits in, in bytes: room that is not used costs nothing, growing does.
    private static let statusBytes = 2048

    /// The versions that answers carry: those whose interfaces this server speaks.
    static let gatewayVersion = "0.0.45"
    static let agentVersion = "1.2.17"

    /// Whether a sandbox can be called, as `is_alive` answers; one that is unknown is not. A use of the sandbox.
    func isAlive(_ id: String, for caller: SandboxCaller) -> Bool {
        guard let registry = try? registry(), let record = registry.record(id), caller.sees(record.namespace) else {
            return false
        }
        registry.touch(id)
        return isAlive(record)
    }

    func isAlive(_ record: SandboxRecord) -> Bool {
        guard record.state == .running, let name = SandboxID(rawValue: record.id) else { return false }
        return machine.sandbox(name) != nil
    }

    /// The statuses of those among `ids` that there are and that live: `{"statuses": […]}`. No use of them.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` for more ids than are allowed.
    func statuses(of ids: [String], for caller: SandboxCaller) throws(Failure) -> [UInt8] {
        let registry = try registry()
        guard ids.count <= configuration.batchCount else {
            throw Failure(
                .invalidArgument, "sandbox_ids count too large, max count is \(configuration.batchCount)")
        }
        let found = registry.records(ids)
        var writer = JSONWriter(expecting: found.count * Self.statusBytes)
        writer.beginObject()
        writer.name("statuses")
        writer.beginArray()
        let context = SandboxRecord.StatusContext(isAlive: true)
        for record in found where record.state.isLive && caller.sees(record.namespace) {
            record.writeStatus(context, times: registry.times, to: &writer)
        }
        writer.endArray()
        writer.writeNoCode()
        writer.endObject()
        return writer.bytes
    }

    /// One page of the sandboxes that `listing` describes: `{"items": […], "total", "has_more"}`. No use of them.
    func list(_ listing: SandboxListing, for caller: SandboxCaller) throws(Failure) -> [UInt8] {
        let registry = try registry()
        var query = listing.query
        query.namespaces = caller.namespaces
        let page: SandboxPage
        do throws(RegistryError) { page = try registry.list(query) } catch { throw Failure(error) }
        var writer = JSONWriter(expecting: page.records.count * Self.statusBytes)
        writer.beginObject()
        writer.name("items")
        writer.beginArray()
        for record in page.records {
            let context = SandboxRecord.StatusContext(isAlive: record.state.isLive)
            record.writeItem(context, times: registry.times, to: &writer)
        }
        writer.endArray()
        writer.name("total")
        writer.integer(page.total)
        writer.name("has_more")
        writer.bool(page.hasMore)
        writer.writeNoCode()
        writer.endObject()
        return writer.bytes
    }

    /// What is known of one sandbox beyond its status: all its moves, its walls and its specification.
    func inspect(_ id: String, for caller: SandboxCaller) async throws(Failure) -> [UInt8] {
        let record = try record(id, for: caller)
        let registry = try registry()
        let moves = try await asking { try await registry.history(of: id) }
        let blueprint = try await asking { try await registry.blueprint(of: id) }
        let running = SandboxID(rawValue: id).flatMap(machine.sandbox)
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("status")
        record.writeStatus(.init(isAlive: isAlive(record)), times: registry.times, to: &writer)
        writer.name("history")
        writer.beginArray()
        for move in moves {
            writer.beginObject()
            writer.name("from_state")
            if let from = move.from { writer.string(from.rawValue) } else { writer.null() }
            writer.name("to_state")
            writer.string(move.to.rawValue)
            writer.name("event")
            writer.string(move.event.rawValue)
            writer.name("timestamp")
            registry.times.write(move.time, to: &writer)
            writer.endObject()
        }
        writer.endArray()
        writer.name("specification")
        writer.value(blueprint.flatMap { try? JSON(parsing: $0.span) } ?? .null)
        writer.name("isolation_report")
        writer.value(running.flatMap { try? JSON(parsing: $0.isolation.span) } ?? .null)
        writer.name("losses")
        writer.beginArray()
        for loss in running?.losses ?? [] { writer.string(loss) }
        writer.endArray()
        writer.name("image_digest")
        writer.string(running?.imageDigest ?? "")
        writer.name("process")
        writer.integer(Int(running?.process ?? 0))
        writer.endObject()
        return writer.bytes
    }

    /// The mounts of a sandbox as a container engine's options: `-v host:box:ro`, joined by blanks.
    func mountInfos(of id: String, for caller: SandboxCaller) async throws(Failure) -> String {
        _ = try record(id, for: caller)
        let registry = try registry()
        let blueprint = try await asking { try await registry.blueprint(of: id) }
        let specification = blueprint.flatMap { try? JSON(parsing: $0.span) }.flatMap(SandboxSpecification.init)
        return (specification?.mounts ?? configuration.mounts).map {
            "-v \($0.source):\($0.target)\($0.isReadOnly ? ":ro" : "")"
        }
        .joined(separator: " ")
    }

    // MARK: Figures

    /// How many sandboxes are in each state, start or wait for it.
    struct Counts: Sendable {
        let states: [SandboxState: Int]
        let waiting: Int
        let starting: Int
    }

    /// For metrics; a sweep through memory.
    func counts() throws(Failure) -> Counts {
        let (waiting, starting) = state.withLock { ($0.queue.waitingCount, $0.queue.startingCount) }
        return Counts(states: try registry().counts(), waiting: waiting, starting: starting)
    }

    /// When who was turned away should try again: once what waits has been started, as things stand. Whole seconds, 1 to 60.
    var retrySeconds: Int {
        Int(max(1, min(60, state.withLock { $0.queue.estimatedSeconds }.rounded(.up))))
    }

    /// What a running sandbox uses now, `{"cpu", "mem", "disk", "net"}` in percent of its limits and bytes, with the absolute
    /// numbers behind. No use of it.
    func statistics(of id: String, for caller: SandboxCaller) async throws(Failure) -> [UInt8] {
        let record = try runningRecord(id, for: caller)
        guard let name = SandboxID(rawValue: id) else { throw Failure(.unknownSandbox, "Sandbox \(id) not found.") }
        let now = try await machine.statistics(name, driver: record.driver)
        let sample = StatisticsSample(time: clock.now(), cpuMicroseconds: now.cpuMicroseconds)
        let earlier = state.withLock { state in
            defer { state.samples[id] = sample }
            return state.samples[id]
        }
        let since = earlier ?? StatisticsSample(time: record.startTime ?? record.createTime, cpuMicroseconds: 0)
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("cpu")
        writer.double(sample.percent(since: since, cpus: record.cpus))
        writer.name("mem")
        writer.double(Self.percent(now.memoryBytes, of: now.memoryLimitBytes))
        writer.name("disk")
        writer.double(Self.percent(now.diskBytes, of: now.diskLimitBytes ?? 0))
        writer.name("net")
        writer.integer(now.networkBytes)
        writer.name("cpu_microseconds")
        writer.integer(now.cpuMicroseconds)
        writer.name("memory_bytes")
        writer.integer(now.memoryBytes)
        writer.name("memory_limit_bytes")
        writer.integer(now.memoryLimitBytes)
        writer.name("disk_bytes")
        writer.integer(now.diskBytes)
        writer.name("disk_limit_bytes")
        if let limit = now.diskLimitBytes { writer.integer(limit) } else { writer.null() }
        writer.name("processes")
        writer.integer(now.processes)
        if let bites = now.bites {
            writer.name("memory_kills")
            writer.integer(bites.memoryKills)
            writer.name("refused_processes")
            writer.integer(bites.refusedProcesses)
            writer.name("throttled_microseconds")
            writer.integer(bites.throttledMicroseconds)
        }
        writer.endObject()
        return writer.bytes
    }

    private static func percent(_ part: Int64, of whole: Int64) -> Double {
        whole > 0 ? (Double(part) / Double(whole) * 1000).rounded() / 10 : 0
    }
}

extension SandboxRecord {
    /// Whether its latest start failed.
    fileprivate var failedToStart: Bool { phases.contains { $0.status == .failed || $0.status == .timeout } }
}

/// A sandbox's processor time at a moment.
struct StatisticsSample {
    let time: Timestamp
    let cpuMicroseconds: Int64

    /// How much of `cpus` processors it used since `earlier`, in percent.
    func percent(since earlier: StatisticsSample, cpus: Double) -> Double {
        let elapsed = time.seconds(since: earlier.time)
        guard elapsed > 0, cpus > 0 else { return 0 }
        let used = Double(cpuMicroseconds - earlier.cpuMicroseconds) / 1e6
        return (max(used, 0) / elapsed / cpus * 1000).rounded() / 10
    }
}

extension JSONWriter {
    /// The members that ROCK's clients find in every result that can be coded, when nothing went wrong.
    fileprivate mutating func writeNoCode() {
        for name in ["code", "exit_code", "failure_reason"] {
            self.name(name)
            null()
        }
    }
}
