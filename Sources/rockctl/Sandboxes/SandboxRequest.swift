import GEM

/// What a new sandbox is to be like: the options of `start` and `run`.
enum SandboxRequest {
    static let image = Positional(
        "IMAGE", .text("IMAGE"),
        summary: "What it starts from: an image such as python:3.11, or 'host', this machine's own tree")
    private static let name = Option(
        "name", letter: "n", .text("NAME"), summary: "Its id, of a-z, 0-9 and -; by default the server makes one up")
    private static let runtime = Option(
        "runtime", .choice(["jail", "docker"]), summary: "The driver; by default the server's")
    private static let cpus = Option("cpus", .number(0.01...1024), summary: "Processors, such as 0.5")
    private static let memory = Option("memory", letter: "m", .text("SIZE"), summary: "Memory, such as 512m or 8g")
    private static let disk = Option("disk", .text("SIZE"), summary: "Room for what it writes, such as 10g")
    private static let processes = Option("processes", .integer(1...4_194_304), summary: "How many processes at a time")
    private static let network = Option(
        "network", .choice(["none", "outbound"]), summary: "What it reaches; by default as the server says")
    private static let allow = ListOption(
        "allow", .text("HOST"), summary: "A host name, address or network that it may reach, and nothing else")
    private static let publish = ListOption(
        "publish", letter: "p", .integer(1...65_535, name: "PORT"),
        summary: "A port inside that is to be had outside; 'ports' says where")
    private static let mount = ListOption(
        "mount", .text("HOST:PATH[:rw]"),
        summary: "A folder of the server's machine to be seen at PATH, read-only unless :rw; the server must allow it")
    private static let label = ListOption(
        "label", letter: "l", .assignment(), summary: "Something to find it by: 'list --filter NAME=VALUE'")
    private static let hostname = Option("hostname", .text("NAME"), summary: "What it takes itself for")
    private static let pull = Option(
        "pull", .choice(["never", "missing", "always"]),
        summary: "When the image is fetched; by default as the server says")
    private static let autoClear = Option("auto-clear", .time, summary: "Stop it when it has not been used for so long")
    private static let autoDelete = Option(
        "auto-delete", .time, summary: "Remove it when it has been stopped for so long")
    static let wait = Option(
        "wait", .time, default: .seconds(1800), summary: "How long to wait until it runs, its image fetched if need be")

    static let options: [any CommandOption] = [
        name, runtime, cpus, memory, disk, processes, network, allow, publish, mount, label, hostname, pull,
        autoClear, autoDelete, wait,
    ]

    /// The body of a start.
    static func params(_ call: Invocation) throws -> JSON.Object {
        var params: JSON.Object = ["image": .string(call[image])]
        for (key, text) in [
            ("sandbox_id", call[name]), ("runtime", call[runtime]), ("memory", call[memory]), ("disk", call[disk]),
            ("hostname", call[hostname]), ("pull", call[pull]), ("network", call[network]),
        ] {
            if let text { params[key] = .string(text) }
        }
        if !call[allow].isEmpty {
            guard call[network] == nil else {
                throw UsageError(at: call.path, "--allow and --network exclude each other")
            }
            params["network"] = .array(call[allow].map(JSON.string))
        }
        if let cpus = call[cpus] { params["cpus"] = double(cpus) }
        if let processes = call[processes] { params["processes"] = .number(.init(processes)) }
        if !call[publish].isEmpty { params["ports"] = .array(call[publish].map { .number(.init($0)) }) }
        if !call[mount].isEmpty { params["mounts"] = .array(call[mount].map(JSON.string)) }
        if let time = call[autoClear] { params["auto_clear_time_minutes"] = double(time / .seconds(60)) }
        if let time = call[autoDelete] { params["auto_delete_seconds"] = double((time / .seconds(1)).rounded(.up)) }
        params["startup_timeout"] = double(max(1, call[wait] / .seconds(1)))
        let environment = object(call[ProgramOrder.environment])
        if !environment.members.isEmpty { params["env"] = .object(environment) }
        let labels = object(call[label])
        if !labels.members.isEmpty { params["metadata"] = .object(labels) }
        // A repeat after a broken connection must not start a second one.
        params["request_id"] = .string(
            "rockctl-" + (0..<4).map { _ in String(UInt32.random(in: 0...UInt32.max), radix: 36) }.joined())
        return params
    }

    private static func object(_ assignments: [Assignment]) -> JSON.Object {
        var object = JSON.Object()
        for assignment in assignments { object[assignment.name] = .string(assignment.value) }
        return object
    }

    /// Starts it.
    ///
    /// - Returns: Its id.
    /// - Throws: ``CommandError``.
    static func begin(_ call: Invocation, _ server: ServerClient) async throws -> String {
        let started = try await server.call("sandbox.start_async", .object(try params(call)))
        guard let id = started["sandbox_id"]?.string else {
            throw CommandError(.failure, "the answer to start_async names no sandbox")
        }
        if let position = started["position"]?.int, position > 0 {
            let time = started["estimated_seconds"]?.double.map { ", about \(number($0.rounded(.up))) s" } ?? ""
            call.console.report("waiting for a place: number \(position) in the line\(time)\n")
        }
        return id
    }

    /// Waits until the sandbox runs.
    ///
    /// - Returns: Its status.
    /// - Throws: ``CommandError`` where it does not come to run.
    static func finish(_ id: String, within limit: Duration, _ server: ServerClient) async throws -> JSON {
        let status = try await SandboxWaiting.wait(for: id, states: ["running", "stopped", "deleted"], limit, server)
        switch status["state"]?.string {
        case "running": return status
        case "pending":
            throw CommandError(
                .timedOut, "sandbox \(id) does not run yet after \(number(limit / .seconds(1))) s",
                hint: "'rockctl sandbox wait \(id)' waits on, 'rockctl sandbox remove --force \(id)' gives it up")
        default:
            throw CommandError(
                .failure, "sandbox \(id) did not start: \(reason(status))",
                hint: "'rockctl doctor' says what this machine can do")
        }
    }

    /// Why a sandbox is not what it should be.
    static func reason(_ status: JSON) -> String {
        if let reason = status["reason"]?.string, !reason.isEmpty { return printable(reason, limit: 2000) }
        let phases = status["status"]?.object?.members ?? []
        let failed = phases.first { $0.value["status"]?.string == "failed" }
        return printable(failed?.value["message"]?.string ?? "it does not say why", limit: 2000)
    }
}

/// Waiting for states.
enum SandboxWaiting {
    /// Waits until the sandbox is in one of `states`; a server answers as soon as it is.
    ///
    /// - Returns: Its status, whatever its state, when the time is over.
    /// - Throws: ``CommandError``.
    static func wait(
        for id: String, states: [String], _ limit: Duration, _ server: ServerClient
    ) async throws -> JSON {
        let deadline = ContinuousClock.now + limit
        while true {
            let left = max(.zero, deadline - .now)
            let status = try await server.call(
                "sandbox.wait",
                [
                    "sandbox_id": .string(id), "state": .array(states.map(JSON.string)),
                    "timeout": double(min(left / .seconds(1), 3600)),
                ])
            if let state = status["state"]?.string, states.contains(state) { return status }
            guard deadline > .now else { return status }
        }
    }
}
