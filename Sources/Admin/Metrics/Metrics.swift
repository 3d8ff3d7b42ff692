import GEM
import Synchronization

/// Everything the server counts. The hot path adds to a few atomic numbers; texts are made when somebody asks.
final class Metrics: Sendable {
    /// Numbers that somebody else knows, asked for at each scrape.
    typealias Source = @Sendable (inout Exposition) -> Void

    private let environments = Method.allCases.map { _ in CallStatistics() }
    private let operations: [CallStatistics]
    private let names: [String]
    private let failures = Failure.Kind.allCases.map { _ in Counter() }
    /// Requests turned away for want of a key.
    let refusals = Counter()
    /// From the request to the rocklet's first answer.
    let starts = CallStatistics()
    /// From handing a transaction over until it is on disk.
    let registryWrites = CallStatistics()
    private let sources = Mutex<[Source]>([])
    private let startedAt = monotonicNanoseconds()
    private let version: String

    /// - Parameters:
    ///   - operations: The names of the interface's operations, in the order of its table.
    ///   - version: The server's.
    init(operations: [String], version: String) {
        names = operations
        self.operations = operations.map { _ in CallStatistics() }
        self.version = version
    }

    /// Counts a call to an environment.
    func record(_ method: Method, since start: Int, failed: Bool) {
        environments[method.place].record(since: start, failed: failed)
    }

    /// Counts a call of the operation at `place` in the interface's table.
    func record(operation place: Int, since start: Int, failure: Failure?) {
        operations[place].record(since: start, failed: failure != nil)
        if let failure { record(failure) }
    }

    /// Counts a failure by its kind.
    func record(_ failure: Failure) {
        if let place = Failure.Kind.allCases.firstIndex(of: failure.kind) { failures[place].add() }
    }

    /// Has `source` asked at each scrape.
    func add(_ source: @escaping Source) { sources.withLock { $0.append(source) } }

    /// Everything in Prometheus' text format.
    func exposition() -> [UInt8] {
        var text = Exposition()
        text.metric("rock_build_info", .gauge, "The version that runs.")
        text.sample("rock_build_info", [("version", version)], 1)
        text.metric("rock_uptime_seconds", .gauge, "Since the server started.")
        text.sample("rock_uptime_seconds", [], Double(monotonicNanoseconds() - startedAt) / 1e9)
        writeCalls(
            "rock_environment_call", "calls of environments", zip(Method.allCases.map(\.rawValue), environments),
            label: "method", to: &text)
        writeCalls("rock_operation", "calls of the interface", zip(names, operations), label: "operation", to: &text)
        text.metric("rock_sandbox_start_seconds", .histogram, "From the request for a sandbox until it answers.")
        text.histogram("rock_sandbox_start_seconds", [], starts.times)
        text.metric("rock_sandbox_start_failures_total", .counter, "Starts of sandboxes that failed.")
        text.sample("rock_sandbox_start_failures_total", [], starts.failures.value)
        text.metric("rock_registry_write_seconds", .histogram, "Until a change of the registry is on disk.")
        text.histogram("rock_registry_write_seconds", [], registryWrites.times)
        text.metric("rock_failures_total", .counter, "Failures that callers were told of, by kind.")
        for (kind, counter) in zip(Failure.Kind.allCases, failures) where counter.value > 0 {
            text.sample("rock_failures_total", [("kind", kind.rawValue)], counter.value)
        }
        text.metric("rock_access_refusals_total", .counter, "Requests turned away for want of a valid API key.")
        text.sample("rock_access_refusals_total", [], refusals.value)
        for source in sources.withLock(\.self) { source(&text) }
        let process = ProcessFacts()
        text.metric("process_resident_memory_bytes", .gauge, "Resident memory of the server.")
        text.sample("process_resident_memory_bytes", [], process.residentBytes)
        text.metric("process_open_fds", .gauge, "Open file descriptors of the server.")
        text.sample("process_open_fds", [], process.openDescriptors)
        text.metric("process_cpu_seconds_total", .counter, "Processor time of the server.")
        text.sample("process_cpu_seconds_total", [], process.cpuSeconds)
        return text.bytes
    }

    /// Writes the histogram and the failures of everything that was called at least once.
    private func writeCalls(
        _ name: String, _ what: String, _ calls: some Sequence<(String, CallStatistics)>, label: String,
        to text: inout Exposition
    ) {
        let used = calls.filter { ($0.1.times.cumulative.last ?? 0) > 0 }
        text.metric("\(name)_seconds", .histogram, "How long \(what) took.")
        for (value, statistics) in used { text.histogram("\(name)_seconds", [(label, value)], statistics.times) }
        text.metric("\(name)_failures_total", .counter, "How many \(what) failed.")
        for (value, statistics) in used {
            text.sample("\(name)_failures_total", [(label, value)], statistics.failures.value)
        }
    }
}
