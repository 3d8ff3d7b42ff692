import GEM
import Transport

private let task = Positional("TASK", .text("TASK"), summary: "The task's name, as 'task list' shows it")

extension Command {
    /// `rockctl task`.
    static let tasks: Command = .init(
        "task", summary: "Work that the server does again and again: clean-ups, pulls, health checks",
        commands: [taskList, taskRun, taskHistory, taskEnable, taskDisable])

    private static let taskList: Command = .init(
        "list", summary: "Show every task, when it is due, and how its last run went",
        options: [ServerAccess.json] + ServerAccess.options
    ) { call in
        let answer = try await ServerAccess.open(call).call("task.list", [:])
        if call[ServerAccess.json] {
            try call.console.write(ImageArgument.line(answer))
            return .success
        }
        let style = call.console.style
        if answer["is_enabled"]?.bool == false {
            try call.console.write("The scheduler is off: tasks run when asked for. Set scheduler: enabled: true.\n")
        } else if answer["is_leading"]?.bool == false {
            try call.console.write("Another server that shares the scheduler's file has the tasks run.\n")
        }
        let rows = (answer["tasks"]?.array ?? []).map { task -> [String] in
            let last = task["last_runs"]?.array?.max { ($0["number"]?.int ?? 0) < ($1["number"]?.int ?? 0) }
            let state =
                task["fault"]?.string != nil
                ? "broken"
                : task["is_at_work"]?.bool == true ? "at work" : task["is_enabled"]?.bool == true ? "on" : "off"
            return [
                task["task"]?.string ?? "", task["task_class"]?.string ?? "", state, task["schedule"]?.string ?? "",
                task["next_time"]?.string ?? "–", last?["status"]?.string ?? "–", last?["end_time"]?.string ?? "–",
                printable(task["fault"]?.string ?? last?["error"]?.string ?? "", limit: 100),
            ]
        }
        try call.console.write(
            Table(["TASK", "CLASS", "STATE", "SCHEDULE", "NEXT", "LAST", "ENDED", "SAYS"], rows).text(style: style))
        return .success
    }

    private static let worker = Option("worker", .text("WORKER"), summary: "Only on this worker")

    private static let taskRun: Command = .init(
        "run", summary: "Run a task now and wait for its end",
        options: [worker, ServerAccess.json] + ServerAccess.options, positionals: [task],
        examples: [.init("rockctl task run image_cleanup", "Make room now.")]
    ) { call in
        var params: JSON.Object = ["task": .string(call[task])]
        if let name = call[worker] { params["worker"] = .string(name) }
        let answer = try await ServerAccess.open(call).call("task.run", .object(params))
        let runs = answer["runs"]?.array ?? []
        if call[ServerAccess.json] {
            try call.console.write(ImageArgument.line(answer))
        } else {
            try write(runs, call)
        }
        return runs.contains { ["failed", "busy"].contains($0["status"]?.string) } ? .failure : .success
    }

    private static let only = Option("task", .text("TASK"), summary: "Only this task's runs")
    private static let limit = Option("limit", .integer(1...10_000), default: 20, summary: "How many at most")

    private static let taskHistory: Command = .init(
        "history", summary: "Show runs of tasks, youngest first",
        options: [only, limit, ServerAccess.json] + ServerAccess.options
    ) { call in
        var params: JSON.Object = ["limit": .number(.init(call[limit]))]
        if let name = call[only] { params["task"] = .string(name) }
        let answer = try await ServerAccess.open(call).call("task.history", .object(params))
        if call[ServerAccess.json] {
            try call.console.write(ImageArgument.line(answer))
        } else {
            try write(answer["runs"]?.array ?? [], call)
        }
        return .success
    }

    private static let taskEnable = taskSwitch("enable", "Have a task run by itself from now on")
    private static let taskDisable = taskSwitch("disable", "Keep a task from running by itself")

    private static func taskSwitch(_ word: String, _ summary: String) -> Command {
        Command(
            word, summary: summary, discussion: "It outweighs the configuration file, also after a restart.",
            options: ServerAccess.options, positionals: [task]
        ) { call in
            let answer = try await ServerAccess.open(call).call("task.\(word)", ["task": .string(call[task])])
            try call.console.write((answer["task"]?.string ?? "") + "\n")
            return .success
        }
    }

    private static func write(_ runs: [JSON], _ call: Invocation) throws {
        let rows = runs.map { run -> [String] in
            [
                run["number"].map { String(decoding: $0.serialized, as: UTF8.self) } ?? "", run["task"]?.string ?? "",
                run["worker"]?.string ?? "", run["start_time"]?.string ?? "", run["end_time"]?.string ?? "–",
                run["status"]?.string ?? "",
                printable(
                    run["error"]?.string ?? run["details"].map { String(decoding: $0.serialized, as: UTF8.self) } ?? "",
                    limit: 160),
            ]
        }
        try call.console.write(
            Table(["RUN", "TASK", "WORKER", "STARTED", "ENDED", "STATUS", "DID"], rows).text(style: call.console.style))
    }
}
