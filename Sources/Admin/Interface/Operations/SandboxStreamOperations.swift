import GEM
import Registry
import SandboxHost
import Transport

extension Interface {
    /// What goes on for longer than one answer: terminals, ports, events.
    static let sandboxStreamOperations: [Operation] = socketOperations + eventOperations

    // MARK: - Terminals and ports

    private static let socketOperations: [Operation] = [
        .own(
            "sandbox.attach", .get, "/sandboxes/{sandbox_id}/sessions/{session}/attach", "A session's terminal",
            form: .webSocket,
            query: [.optional("rows", .integer(1...10_000)), .optional("cols", .integer(1...10_000))],
            .exchange { (call, _, services) async throws(Failure) -> HTTPResponse in
                var path = "/sessions/\(escaped(call.text("session") ?? ""))/attach"
                let size = ["rows", "cols"].compactMap { name in call.integer(name).map { "\(name)=\($0)" } }
                if !size.isEmpty { path += "?" + size.joined(separator: "&") }
                let inner = try await services.agent(for: call).webSocket(path, configuration: patient(pings: false))
                return .webSocket(patient(pings: true)) { outer in await Relay.join(outer, inner) }
            }),
        .own(
            "sandbox.follow_log", .get, "/sandboxes/{sandbox_id}/log/follow",
            "What its first process has to say, as it says it: binary messages, until the sandbox ends",
            form: .webSocket, scope: .read,
            .exchange { (call, _, services) async throws(Failure) -> HTTPResponse in
                let inner = try await services.agent(for: call).webSocket(
                    "/log/follow", configuration: patient(pings: false))
                return .webSocket(patient(pings: true)) { outer in await Relay.join(outer, inner) }
            }),
        .own(
            "sandbox.exec", .get, "/sandboxes/{sandbox_id}/exec", "Runs a program with its input and output",
            form: .webSocket,
            .exchange { (call, _, services) async throws(Failure) -> HTTPResponse in
                let inner = try await services.agent(for: call).webSocket("/exec", configuration: patient(pings: false))
                return .webSocket(patient(pings: true)) { outer in await Relay.join(outer, inner) }
            }),
        .own(
            "sandbox.forward_port", .get, "/sandboxes/{sandbox_id}/portforward", "A TCP port inside",
            form: .webSocket, query: [.required("port", .integer(Int(Int32.min)...Int(Int32.max)))],
            .exchange { (call, _, services) async throws(Failure) -> HTTPResponse in
                try await SandboxProxy.forwardPort(call, services)
            }),
        proxy("sandbox.proxy", "/proxy/{path*}"), proxy("sandbox.proxy_root", "/proxy"),
        proxy("sandbox.vnc", "/vnc/{path*}", port: 8006), proxy("sandbox.vnc_root", "/vnc", port: 8006),
    ]

    /// For streams that stand still for as long as a person or a program takes nothing of them. A client that is gone still
    /// answers no ping; a rocklet that is gone ends its socket.
    private static func patient(pings: Bool) -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.writeTimeout = .seconds(86_400)
        if !pings { configuration.pingInterval = nil }
        return configuration
    }

    private static func proxy(_ name: String, _ path: String, port: UInt16? = nil) -> Operation {
        let own = path.split(separator: "/").first.map { "/" + $0 } ?? ""
        return Operation(
            name: name, verbs: Operation.Verb.allCases, path: sandboxes + "/sandboxes/{sandbox_id}" + path,
            summary: port == nil ? "A web server inside" : "The screen inside", scope: .user, form: .passThrough,
            action: .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
                let base = sandboxes + "/sandboxes/\(escaped(call.sandboxID))" + own
                return try await SandboxProxy.answer(call, request, services, fixedPort: port, base: base)
            })
    }

    // MARK: - Events

    private static let eventOperations: [Operation] = [
        .own(
            "sandbox.wait", .get, "/sandboxes/{sandbox_id}/wait", "Waits until a sandbox is in a state", scope: .read,
            query: [
                .optional(
                    "state", .list(of: Schema(.word(SandboxState.allCases.map(\.rawValue))), 1...6),
                    default: ["running"], "Any of them"),
                .optional("timeout", .number(0...3600), default: 60, "Seconds; then the status is what it is"),
            ], result: SandboxSchemas.status,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let states = call.texts("state").compactMap { SandboxState(rawValue: $0) }
                let sandboxes = try services.needSandboxes()
                _ = try await sandboxes.wait(
                    for: call.sandboxID, until: Set(states), timeout: .seconds(call.number("timeout") ?? 60),
                    call.sandboxCaller)
                return try await sandboxes.status(
                    of: call.sandboxID, includesAllStates: true, for: call.sandboxCaller)
            }),
        .own(
            "sandbox.events", .get, "/events", "What happens to sandboxes: at once, or with a WebSocket as it comes",
            scope: .read,
            query: [
                .optional("since", .integer(0...Int.max), "A sequence number that was seen"),
                .optional("timeout", .number(0...3600), default: 30, "Seconds to wait for the first"),
                .optional("limit", .integer(1...1000), default: 100),
            ], result: .object(.required("events", .list(of: .any)), .required("next", .integer(0...Int.max))),
            .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
                let sandboxes = try services.needSandboxes()
                let since = call.integer("since").map(Int64.init)
                if request.headers.list("upgrade", contains: "websocket") {
                    let events = try sandboxes.events(since: since, for: call.sandboxCaller)
                    return .webSocket { socket in await follow(events, socket) }
                }
                let registry = try sandboxes.registry()
                let (found, next) = try await sandboxes.changes(
                    since: since ?? registry.latestChange, limit: call.integer("limit") ?? 100,
                    timeout: .seconds(call.number("timeout") ?? 30), for: call.sandboxCaller)
                return .json(
                    .ok,
                    json { writer in
                        writer.beginObject()
                        writer.name("events")
                        writer.beginArray()
                        for event in found { writer.raw(event.span) }
                        writer.endArray()
                        writer.name("next")
                        writer.integer(next)
                        writer.endObject()
                    })
            }),
    ]

    /// Sends every event until the client has heard enough.
    private static func follow(_ events: SandboxEvents, _ socket: WebSocket) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    for await event in events { try await socket.send(text: event) }
                    socket.close(.goingAway)
                } catch {
                    // The client has gone, which the reader below sees, too.
                }
            }
            // Nothing is expected; but only who reads sees the end.
            do { for try await _ in socket {} } catch {}
            group.cancelAll()
        }
    }
}
