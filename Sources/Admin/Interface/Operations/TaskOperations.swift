import GEM
import Registry
import Upkeep

extension Interface {
    /// Work that keeps machines healthy: what there is, what it did, and having it done now.
    static let taskOperations: [Operation] = [
        Operation(
            name: "task.list", verbs: [.get], path: administration + "/tasks",
            summary: "Every task, with its last run on each worker", scope: .read, form: .bare,
            result: .object(
                .required("is_enabled", .boolean), .required("is_leading", .boolean),
                .required("tasks", .list(of: taskStatus))),
            action: .value { (_, services) async throws(Failure) -> [UInt8] in
                let scheduler = try services.needScheduler()
                let (list, times) = (try await scheduler.list(), services.times)
                return json { writer in
                    writer.beginObject()
                    writer.name("is_enabled")
                    writer.bool(scheduler.configuration.isEnabled)
                    writer.name("is_leading")
                    writer.bool(scheduler.isLeading)
                    writer.name("tasks")
                    writer.beginArray()
                    for status in list { writer.status(status, times) }
                    writer.endArray()
                    writer.endObject()
                }
            }),
        Operation(
            name: "task.run", verbs: [.post], path: administration + "/tasks/{task}/run",
            summary: "Runs a task now, on every worker or on one, and answers when it has ended", scope: .admin,
            body: .optionalJSON([.optional("worker", .text(least: 1, most: 128), "Only on this worker")]), form: .bare,
            result: .object(.required("runs", .list(of: taskRun))), isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let runs = try await services.needScheduler().run(call.text("task") ?? "", on: call.text("worker"))
                return runsJSON(runs, services.times)
            }),
        Operation(
            name: "task.history", verbs: [.get], path: administration + "/task-runs",
            summary: "Runs of tasks, youngest first", scope: .read,
            query: [
                .optional("task", .text(least: 1, most: 128), "Only this task's"),
                .optional("limit", .integer(1...10_000), default: 100),
            ], form: .bare, result: .object(.required("runs", .list(of: taskRun))),
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let scheduler = try services.needScheduler()
                var task: String?
                if let name = call.text("task") { task = try scheduler.entry(name).name }
                return runsJSON(
                    try await scheduler.store.runs(of: task, limit: call.integer("limit") ?? 100), services.times)
            }),
        taskSwitch("enable", true, "Has a task run by itself from now on, whatever the configuration file says"),
        taskSwitch("disable", false, "Keeps a task from running by itself, whatever the configuration file says"),
    ]

    private static func taskSwitch(_ word: String, _ isEnabled: Bool, _ summary: String) -> Operation {
        Operation(
            name: "task.\(word)", verbs: [.post], path: administration + "/tasks/{task}/\(word)", summary: summary,
            scope: .admin, form: .bare,
            result: .object(.required("task", .text), .required("is_enabled", .boolean)), isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let entry = try await services.needScheduler().setEnabled(call.text("task") ?? "", isEnabled)
                return json { writer in
                    writer.beginObject()
                    writer.name("task")
                    writer.string(entry.name)
                    writer.name("is_enabled")
                    writer.bool(isEnabled)
                    writer.endObject()
                }
            })
    }

    private static let taskRun = Schema.object(
        .required("number", .integer(0...Int.max)), .required("task", .text), .required("worker", .text),
        .required("trigger", .word("schedule", "request")), .required("start_time", .text),
        .required("end_time", .text.orNull), .required("status", .text), .required("pid", .integer(0...Int.max).orNull),
        .required("error", .text.orNull), .required("details", .any))

    private static let taskStatus = Schema.object(
        .required("task", .text), .required("task_class", .text), .required("is_enabled", .boolean),
        .required("is_at_work", .boolean), .required("schedule", .text), .required("next_time", .text.orNull),
        .required("fault", .text.orNull), .required("last_runs", .list(of: taskRun)))

    private static func runsJSON(_ runs: [TaskRun], _ times: TimeFormat) -> [UInt8] {
        json { writer in
            writer.beginObject()
            writer.name("runs")
            writer.beginArray()
            for run in runs { writer.run(run, times) }
            writer.endArray()
            writer.endObject()
        }
    }
}

extension Services {
    /// The scheduler.
    ///
    /// - Throws: ``Failure`` where there is none.
    func needScheduler() throws(Failure) -> TaskScheduler {
        guard let scheduler else {
            throw schedulerFailure ?? Failure(.infraFailed, "This server schedules no tasks: it keeps nothing on disk.")
        }
        return scheduler
    }

    /// How times are written.
    var times: TimeFormat { registry?.times ?? TimeFormat(zone: .shanghai) }
}

extension JSONWriter {
    fileprivate mutating func status(_ status: TaskStatus, _ times: TimeFormat) {
        beginObject()
        name("task")
        string(status.entry.name)
        name("task_class")
        string(status.entry.kind)
        name("is_enabled")
        bool(status.isEnabled)
        name("is_at_work")
        bool(status.isAtWork)
        name("schedule")
        string(status.entry.schedule.description)
        name("next_time")
        text(status.nextTime.map(times.text))
        name("fault")
        text(status.entry.fault)
        name("last_runs")
        beginArray()
        for run in status.last { self.run(run, times) }
        endArray()
        endObject()
    }

    fileprivate mutating func run(_ run: TaskRun, _ times: TimeFormat) {
        beginObject()
        name("number")
        integer(run.serial)
        name("task")
        string(run.task)
        name("worker")
        string(run.worker)
        name("trigger")
        string(run.trigger.rawValue)
        name("start_time")
        string(times.text(run.startTime))
        name("end_time")
        text(run.endTime.map(times.text))
        name("status")
        string(run.report.status.rawValue)
        name("pid")
        if let process = run.report.process { integer(process) } else { null() }
        name("error")
        text(run.report.error)
        name("details")
        value(.object(run.report.details))
        endObject()
    }

    private mutating func text(_ text: String?) {
        if let text { string(text) } else { null() }
    }
}

extension SchedulerConfiguration.Schedule: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cron(let text): text
        case .every(let interval):
            Int(exactly: interval.inSeconds).map { "every \($0) s" } ?? "every \(interval.inSeconds) s"
        }
    }
}
