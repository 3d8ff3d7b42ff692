import Dispatch
import Glibc
package import Registry
import Synchronization

/// The server's log. Whoever writes never waits: entries queue up for a thread of their own, and what does not fit is
/// dropped, counted and owned up to in the log.
package final class Logs: Sendable {
    private struct State {
        var waiting: [LogEntry] = []
        var dropped = 0
        var isWriting = false
        var isReopening = false
    }

    /// The logger whose entries have a file of their own.
    package static let billing = "billing"

    let configuration: LogConfiguration
    private let times: TimeFormat
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "rock.log")
    private let files: Files
    private let droppedInAll = Atomic<Int>(0)
    private let threshold: LogLevel

    /// - Parameters:
    ///   - configuration: Where to write and what.
    ///   - times: The zone of the times.
    package init(_ configuration: LogConfiguration, times: TimeFormat) {
        self.configuration = configuration
        self.times = times
        threshold = configuration.threshold
        files = Files(configuration, at: .now())
    }

    /// Entries that were not written: the queue was full, or the disk.
    package var dropped: Int { droppedInAll.load(ordering: .relaxed) }

    /// Whether an entry of `level` would be written.
    package func takes(_ level: LogLevel) -> Bool { level >= threshold }

    /// Queues `entry`; never waits.
    package func write(_ entry: LogEntry) {
        guard entry.level >= threshold else { return }
        let mustStart = state.withLock { state in
            if state.waiting.count >= configuration.queueLimit {
                state.dropped += 1
                return false
            }
            state.waiting.append(entry)
            return Self.start(&state)
        }
        if mustStart { queue.async { self.drain() } }
    }

    /// Opens the files anew, after somebody has moved them away.
    package func reopen() {
        let mustStart = state.withLock { state in
            state.isReopening = true
            return Self.start(&state)
        }
        if mustStart { queue.async { self.drain() } }
    }

    /// Returns when everything that was queued before has been written.
    package func flush() async {
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }

    private static func start(_ state: inout State) -> Bool {
        defer { state.isWriting = true }
        return !state.isWriting
    }

    /// Writes until nothing waits. On the queue.
    private func drain() {
        while true {
            let (entries, dropped, isReopening): ([LogEntry], Int, Bool) = state.withLock { state in
                defer { (state.waiting, state.dropped, state.isReopening) = ([], 0, false) }
                if state.waiting.isEmpty, state.dropped == 0, !state.isReopening { state.isWriting = false }
                return (state.waiting, state.dropped, state.isReopening)
            }
            if isReopening { files.reopen() }
            if entries.isEmpty, dropped == 0, !isReopening { return }
            if !entries.isEmpty || dropped > 0 { write(entries, dropped) }
        }
    }

    private func write(_ entries: [LogEntry], _ dropped: Int) {
        var entries = entries
        if dropped > 0 {
            entries.append(
                LogEntry(
                    time: .now(), level: .warning, file: #fileID, line: #line, logger: "log", sandbox: "", trace: "",
                    message: "\(dropped) entries were dropped: they came faster than they could be written."))
        }
        var (main, billing): ([UInt8], [UInt8]) = ([], [])
        for entry in entries {
            if entry.logger == Self.billing, configuration.folder != nil {
                configuration.format.append(entry, times: times, isColoured: false, to: &billing)
            } else {
                configuration.format.append(entry, times: times, isColoured: files.isTerminal, to: &main)
            }
        }
        let isWritten = files.write(main: main, billing: billing, at: entries.last?.time ?? .now())
        droppedInAll.wrappingAdd(dropped + (isWritten ? 0 : entries.count), ordering: .relaxed)
    }
}

/// The files, or standard error.
private final class Files: @unchecked Sendable {
    // Safety of @unchecked: after init, touched on the log's serial queue only.

    let isTerminal: Bool
    private var main: LogFile?
    private var billing: LogFile?
    private let configuration: LogConfiguration

    init(_ configuration: LogConfiguration, at time: Timestamp) {
        self.configuration = configuration
        isTerminal = configuration.folder == nil && isatty(STDERR_FILENO) == 1
        if configuration.folder != nil { main = LogFile(configuration.fileName, configuration, at: time) }
    }

    func reopen() {
        main?.reopen(at: .now())
        billing?.reopen(at: .now())
    }

    /// - Returns: Whether everything is written.
    func write(main bytes: [UInt8], billing lines: [UInt8], at time: Timestamp) -> Bool {
        var isWritten = true
        if !bytes.isEmpty {
            isWritten = main?.append(bytes, at: time) ?? writeAll(bytes, to: STDERR_FILENO)
        }
        if !lines.isEmpty {
            if billing == nil { billing = LogFile("billing.log", configuration, at: time) }
            isWritten = billing?.append(lines, at: time) ?? false && isWritten
        }
        return isWritten
    }
}

/// Writes to a log under one name.
package struct Log: Sendable {
    private let logs: Logs?
    private let logger: String

    /// - Parameters:
    ///   - logs: The log; `nil` writes nothing.
    ///   - logger: The name that stands in each line.
    package init(_ logs: Logs?, _ logger: String) {
        self.logs = logs
        self.logger = logger
    }

    /// Whether an entry of `level` would be written.
    package func takes(_ level: LogLevel) -> Bool { logs?.takes(level) ?? false }

    /// Writes `message`, which is made only where the level is wanted.
    package func callAsFunction(
        _ level: LogLevel, _ message: @autoclosure () -> String, sandbox: String = "", trace: String = "",
        isJSON: Bool = false, file: StaticString = #fileID, line: Int = #line
    ) {
        guard let logs, logs.takes(level) else { return }
        logs.write(
            LogEntry(
                time: .now(), level: level, file: file, line: line, logger: logger, sandbox: sandbox, trace: trace,
                message: message(), isJSON: isJSON))
    }
}
