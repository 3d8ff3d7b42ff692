import GEM
import Registry
import SandboxHost
import Transport

extension Interface {
    /// What goes on for longer than one answer: files, terminals, ports, events.
    static let sandboxStreamOperations: [Operation] = fileOperations + socketOperations + eventOperations

    // MARK: - Files

    private static let path = Field.required("path", .text(least: 1), "As seen inside")

    private static let fileOperations: [Operation] = [
        .own(
            "sandbox.download", .get, "/sandboxes/{sandbox_id}/files", "A file's bytes",
            form: .bytes("application/octet-stream"), scope: .read, query: [path],
            .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
                let file = try await services.agent(for: call).download(call.text("path") ?? "")
                var fields = [
                    HTTPField("Content-Type", "application/octet-stream"), HTTPField("Accept-Ranges", "bytes"),
                    HTTPField("X-File-Size", "\(file.size)"), HTTPField("X-File-Mode", String(file.mode, radix: 8)),
                    HTTPField("X-File-Owner", "\(file.user):\(file.group)"),
                ]
                guard let (bytes, isPart) = FileTransfer.range(request.headers["Range"], of: file.size) else {
                    fields.append(HTTPField("Content-Range", "bytes */\(file.size)"))
                    return .problem(416, "The file has \(file.size) bytes.", headers: Array(fields.suffix(1)))
                }
                if isPart {
                    fields.append(
                        HTTPField("Content-Range", "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/\(file.size)"))
                }
                return HTTPResponse(
                    isPart ? 206 : 200, headers: fields,
                    body: bytes.isEmpty ? .bytes([]) : FileTransfer.body(of: file, bytes))
            }),
        .own(
            "sandbox.upload_file", .put, "/sandboxes/{sandbox_id}/files", "Replaces a file by the request's body",
            query: [
                path, .optional("mode", Schema(.octal), "Octal, such as 644"),
                .optional("uid", .integer(0...65_535)), .optional("gid", .integer(0...65_535)),
            ], body: .bytes, result: .object(.required("path", .text), .required("size", .integer(0...Int.max))),
            .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
                let mode = call.text("mode").flatMap { UInt32($0, radix: 8) }
                var owner: (user: UInt32, group: UInt32)?
                if call.integer("uid") != nil || call.integer("gid") != nil {
                    owner = (UInt32(call.integer("uid") ?? 0), UInt32(call.integer("gid") ?? 0))
                }
                let path = call.text("path") ?? ""
                let upload = try await services.agent(for: call).upload(path, mode: mode, owner: owner)
                let size: Int64
                do { size = try await FileTransfer.write(request.body, into: upload) } catch let failure as Failure {
                    throw failure
                } catch {
                    throw Failure(.invalidRequest, "The file did not arrive whole: \(error).")
                }
                try await upload.commit()
                return .json(
                    .ok,
                    json { writer in
                        writer.beginObject()
                        writer.name("path")
                        writer.string(path)
                        writer.name("size")
                        writer.integer(size)
                        writer.endObject()
                    })
            }),
        .own(
            "sandbox.download_archive", .get, "/sandboxes/{sandbox_id}/archive", "A folder as tar",
            form: .bytes("application/x-tar"), scope: .read, query: [path],
            .exchange { (call, _, services) async throws(Failure) -> HTTPResponse in
                let agent = try await services.agent(for: call)
                let request = HTTPClientRequest("GET", "/archive?path=" + escaped(call.text("path") ?? ""))
                return try await agent.passOn(request)
            }),
        .own(
            "sandbox.upload_archive", .put, "/sandboxes/{sandbox_id}/archive", "Unpacks a tar into a folder",
            query: [path, .optional("owners", .boolean, default: false, "Whether files belong to whom the tar says")],
            body: .bytes,
            result: .object(
                .required("entries", .integer(0...Int.max)), .required("bytes", .integer(0...Int.max))),
            .exchange { (call, request, services) async throws(Failure) -> HTTPResponse in
                let agent = try await services.agent(for: call)
                let target = "/archive?path=\(escaped(call.text("path") ?? ""))&owners=\(call.isTrue("owners"))"
                var passed = HTTPClientRequest("PUT", target)
                passed.upload = HTTPUpload(length: request.body.announcedBytes) { writer in
                    for try await piece in request.body { try await writer.write(piece) }
                }
                return try await agent.passOn(passed)
            }),
    ]

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
                let inner = try await services.agent(for: call).webSocket(path)
                return .webSocket { outer in await Relay.join(outer, inner) }
            }),
        .own(
            "sandbox.exec", .get, "/sandboxes/{sandbox_id}/exec", "Runs a program with its input and output",
            form: .webSocket,
            .exchange { (call, _, services) async throws(Failure) -> HTTPResponse in
                let inner = try await services.agent(for: call).webSocket("/exec")
                return .webSocket { outer in await Relay.join(outer, inner) }
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

extension SandboxAgent {
    /// Passes an answer of the rocklet on while it comes.
    ///
    /// - Throws: ``Failure`` where it answers anything but success.
    func passOn(_ request: HTTPClientRequest) async throws(Failure) -> HTTPResponse {
        do {
            let upstream = try await Upstream { consumer in try await self.stream(request, consumer) }
            guard upstream.status == 200 else {
                let body = try await upstream.beginning(64 << 10)
                _ = try AgentReply(status: Int(upstream.status.rawValue), body: body).result()
                throw Failure(.infraFailed, "The rocklet of sandbox \(sandbox) answered \(upstream.status.rawValue).")
            }
            return upstream.response(PassedHeaders.outward(upstream.headers.fields))
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.infraFailed, "The rocklet of sandbox \(sandbox) broke off: \(error)")
        }
    }
}
