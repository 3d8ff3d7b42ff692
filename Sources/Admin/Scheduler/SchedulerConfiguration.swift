package import ConfigurationFiles
package import GEM
import Upkeep

/// Which tasks run, and when: the section `scheduler` of a configuration file.
package struct SchedulerConfiguration: Sendable {
    /// One task as the file describes it.
    package struct Entry: Sendable {
        /// What it is called; its kind's type where the file gives no name.
        package var name: String
        /// A kind of ``TaskCatalog``.
        package var kind: String
        package var isEnabled = true
        package var schedule = Schedule.every(.seconds(3600))
        /// The most by which a run is put off at random, so that many workers do not all begin at once.
        package var jitter = Duration.zero
        /// How long a run may take on one worker.
        package var limit = Duration.seconds(3600)
        package var parameters = JSON.Object()
        /// Why it cannot run; `nil` where it can.
        package var fault: String?
    }

    /// When a task is due.
    package enum Schedule: Sendable, Equatable {
        case every(Duration)
        case cron(String)
    }

    package var isEnabled = false
    /// For how long the list of workers counts as fresh.
    package var workerCache = Duration.seconds(3600)
    package var entries: [Entry] = []
    /// The file of runs and switches, which several servers may share; `nil` is `scheduler.db` in the data directory.
    package var database: String?
    /// Where workers write each task's last run down; `nil` is `scheduler_status` in the data directory.
    package var statusFolder: String?
    /// Folders below which tasks may remove files.
    package var fileRoots: [String] = []
    /// How long after the start the first runs begin.
    package var firstDelay = Duration.seconds(2)
    /// For how long one server is the one that schedules, unless it says so again.
    package var lease = Duration.seconds(15)

    package init() {}
}

extension SchedulerConfiguration {
    /// Takes over what a `scheduler` section sets. A task that cannot be understood is kept with its fault, and the others run.
    package mutating func apply(_ section: inout ConfigurationSection) throws(Failure) {
        isEnabled = try section.boolean("enabled") ?? isEnabled
        if let seconds = try section.number("worker_cache_ttl", in: 0...31_536_000) { workerCache = .seconds(seconds) }
        database = try section.text("database") ?? database
        statusFolder = try section.text("status_dir") ?? statusFolder
        fileRoots = try section.texts("file_roots") ?? fileRoots
        for root in fileRoots where !root.hasPrefix("/") || root.split(separator: "/").contains("..") {
            throw section.refusal("file_roots", wanted: "a list of whole paths without '..'")
        }
        if let seconds = try section.number("first_delay_seconds", in: 0...86_400) { firstDelay = .seconds(seconds) }
        if let seconds = try section.number("lease_seconds", in: 1...3600) { lease = .seconds(seconds) }
        for var task in try section.sections("tasks", each: "the task") ?? [] {
            let entry = try Self.entry(&task)
            entries.removeAll { $0.name == entry.name }  // of two with one name the last counts
            entries.append(entry)
        }
        try section.refuseUnknownKeys()
    }

    private static func entry(_ section: inout ConfigurationSection) throws(Failure) -> Entry {
        let kind = try section.text("task_class") ?? ""
        let place = "\(section.file):\(section.line)"
        var entry = Entry(name: try section.text("name") ?? kind, kind: kind)
        entry.isEnabled = try section.boolean("enabled") ?? true
        if let seconds = try section.number("interval_seconds", in: 1...31_536_000) {
            entry.schedule = .every(.seconds(seconds))
        }
        if let text = try section.text("cron") {
            do throws(Failure) { _ = try CronExpression(text) } catch {
                throw Failure(.invalidArgument, "\(place): \(error.message)")
            }
            entry.schedule = .cron(text)
        }
        if let seconds = try section.number("jitter_seconds", in: 0...86_400) { entry.jitter = .seconds(seconds) }
        if let seconds = try section.number("timeout_seconds", in: 0.01...604_800) { entry.limit = .seconds(seconds) }
        let parameters = section.node("params")
        try section.refuseUnknownKeys()
        do throws(Failure) {
            guard !kind.isEmpty else { throw Failure(.invalidArgument, "It has no task_class.") }
            let known = try TaskCatalog.entry(kind)
            entry.kind = known.name
            if entry.name == kind { entry.name = known.type }
            guard isName(entry.name) else {
                throw Failure(
                    .invalidArgument, "'\(entry.name)' is no name: use letters, digits, '-' and '_', at most 64.")
            }
            if let parameters {
                guard case .object(let object) = parameters.json else {
                    throw Failure(.invalidArgument, "'params' must be a mapping.")
                }
                entry.parameters = object
            }
            _ = try TaskCatalog.task(entry.kind, entry.parameters)
        } catch {
            entry.fault = "\(place): \(error.message)"
        }
        return entry
    }

    /// It becomes part of a file's name.
    private static func isName(_ text: String) -> Bool {
        1...64 ~= text.utf8.count
            && text.utf8.allSatisfy {
                0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 || $0 == 0x2D || $0 == 0x5F
            }
    }
}
