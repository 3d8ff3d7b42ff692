import GEM
import Registry
import SandboxHost
import Transport

extension Interface {
    /// What happens inside a sandbox: passed on to its rocklet.
    static let sandboxCallOperations: [Operation] = [
        .rock(
            "sandbox.execute", .post, "/execute", "Runs a program to its end", failure: "execute command failed",
            body: .json(SandboxSchemas.execute), result: SandboxSchemas.executed,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let sandboxes = try services.needSandboxes()
                let agent = try await services.agent(for: call)
                let patience = call.patience(.seconds(1215))
                return try await sandboxes.once(call.text("request_id"), on: call.sandboxID, method: "execute") {
                    () async throws(Failure) -> [UInt8] in
                    try await agent.answer("POST", "/execute", call.text, patience)
                }
            }),
        .rock(
            "sandbox.create_session", .post, "/create_session", "Opens a bash session",
            failure: "create session failed", body: .json(SandboxSchemas.createSession),
            result: .object(.required("output", .text), .required("session_type", .text)), forward("/create_session")),
        .rock(
            "sandbox.run_in_session", .post, "/run_in_session", "Runs a command in a session",
            failure: "run in session failed", body: .json(SandboxSchemas.run), result: SandboxSchemas.observation,
            forward("/run_in_session")),
        .rock(
            "sandbox.close_session", .post, "/close_session", "Closes a session", failure: "close session failed",
            body: .json([
                SandboxSchemas.id, .optional("session", .text(least: 1, most: 256), default: "default"),
                .optional("session_type", .word("bash"), default: "bash"),
            ]), result: .object(.required("session_type", .text)), forward("/close_session")),
        .rock(
            "sandbox.read_file", .post, "/read_file", "A whole file as text", failure: "read file failed",
            body: .json([
                SandboxSchemas.id, .required("path", .text(least: 1, most: 4096)),
                .optional("encoding", .text(most: 64).orNull), .optional("errors", .text(most: 64).orNull),
            ]), result: .object(.required("content", .text)), forward("/read_file")),
        .rock(
            "sandbox.write_file", .post, "/write_file", "Replaces a file by a text", failure: "write file failed",
            body: .json([
                SandboxSchemas.id, .required("content", .text(most: 1 << 30)),
                .required("path", .text(least: 1, most: 4096)),
            ]), result: SandboxSchemas.done, forward("/write_file")),
        .own(
            "sandbox.sessions", .get, "/sandboxes/{sandbox_id}/sessions", "The open sessions", scope: .read,
            pass("GET") { _ in "/sessions" }),
        .own(
            "sandbox.signal_session", .post, "/sandboxes/{sandbox_id}/sessions/{session}/signal",
            "Sends a signal to what runs in a session",
            body: .json([.required("signal", Schema(.either([.text(most: 16), .integer(1...64)])))]),
            pass("POST") { "/sessions/\(escaped($0.text("session") ?? ""))/signal" }),
        .own(
            "sandbox.resize_session", .post, "/sandboxes/{sandbox_id}/sessions/{session}/resize",
            "Changes the size of a session's terminal",
            body: .json([.required("rows", .integer(1...10_000)), .required("cols", .integer(1...10_000))]),
            pass("POST") { "/sessions/\(escaped($0.text("session") ?? ""))/resize" }),
        .own(
            "sandbox.processes", .get, "/sandboxes/{sandbox_id}/processes", "What runs inside", scope: .read,
            pass("GET") { _ in "/processes" }),
        .own(
            "sandbox.log", .get, "/sandboxes/{sandbox_id}/log", "What its first process has to say",
            form: .bytes("text/plain"), scope: .read,
            .exchange { (call, _, services) async throws(Failure) -> HTTPResponse in
                let reply = try await services.agent(for: call).call("GET", "/log", timeout: .seconds(30))
                return HTTPResponse(
                    headers: [HTTPField("Content-Type", "text/plain; charset=utf-8")], body: .bytes(try reply.result()))
            }),
        .own(
            "sandbox.stat_file", .get, "/sandboxes/{sandbox_id}/files/stat", "What a file is", scope: .read,
            query: [.required("path", .text(least: 1))],
            pass("GET") { "/files/stat?path=" + escaped($0.text("path") ?? "") }),
        .own(
            "sandbox.list_files", .get, "/sandboxes/{sandbox_id}/files/list", "What a folder holds", scope: .read,
            query: [
                .required("path", .text(least: 1)), .optional("after", .text),
                .optional("limit", .integer(1...100_000)),
            ],
            pass("GET") { call in
                var path = "/files/list?path=" + escaped(call.text("path") ?? "")
                if let after = call.text("after") { path += "&after=" + escaped(after) }
                if let limit = call.integer("limit") { path += "&limit=\(limit)" }
                return path
            }),
        .own(
            "sandbox.make_folder", .post, "/sandboxes/{sandbox_id}/files/mkdir", "Makes a folder and those above it",
            body: .json([.required("path", .text(least: 1, most: 4096))]), pass("POST") { _ in "/files/mkdir" }),
        .own(
            "sandbox.remove_file", .delete, "/sandboxes/{sandbox_id}/files", "Removes a file or folder",
            query: [
                .required("path", .text(least: 1)), .optional("recursive", .boolean, default: false),
            ],
            pass("DELETE") { call in
                "/files?path=" + escaped(call.text("path") ?? "") + "&recursive=\(call.isTrue("recursive"))"
            }),
    ]

    /// Passes the client's own JSON on.
    private static func forward(_ path: String) -> Operation.Action {
        .value { (call, services) async throws(Failure) -> [UInt8] in
            let patience = call.patience(try services.needSandboxes().configuration.callTimeout)
            return try await services.agent(for: call).answer("POST", path, call.text, patience)
        }
    }

    /// Asks the rocklet at the path that `path` makes of the call.
    private static func pass(_ method: String, _ path: @escaping @Sendable (Call) -> String) -> Operation.Action {
        .value { (call, services) async throws(Failure) -> [UInt8] in
            let body = method == "POST" ? call.text : []
            return try await services.agent(for: call).answer(method, path(call), body, .seconds(60))
        }
    }

    /// `text` for a path or query.
    static func escaped(_ text: String) -> String {
        var escaped: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: escaped.append(byte)
            default: escaped += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}

extension SandboxAgent {
    /// The JSON that the rocklet answers.
    ///
    /// - Throws: ``Failure``; also where the answer is no JSON, which must not get into an answer of ours.
    func answer(
        _ method: String, _ path: String, _ body: [UInt8], _ patience: Duration
    ) async throws(Failure) -> [UInt8] {
        let bytes = try await call(method, path, body: body, timeout: patience).result()
        do { _ = try JSONScanner.validate(bytes.span) } catch {
            throw Failure(.infraFailed, "The rocklet of sandbox \(sandbox) answered what is no JSON: \(error).")
        }
        return bytes
    }
}
