import GEM
import Glibc
import ModelService
import Registry
import SandboxHost
import Transport

extension Interface {
    /// Model services of sandboxes.
    static let modelServiceOperations: [Operation] = [
        .own(
            "sandbox.model_service.start", .post, "/sandboxes/{sandbox_id}/model_service/start",
            "Starts a service that answers the model calls of an agent inside, on the sandbox's loopback",
            body: .json([
                .optional(
                    "type", .word("local", "proxy"), default: "local", "Who answers: a training loop, or model servers"),
                .optional("port", .integer(1...65_535), default: 8080, "Where it listens inside"),
                .optional(
                    "proxy_base_url", .text(most: 2048).orNull,
                    "Comes before all rules; needs an admin key, as rules do"),
                .optional(
                    "proxy_rules", Schema(.map(.text(most: 2048)), isNullable: true),
                    "Base URLs by model; `default` for all others"),
                .optional("retryable_status_codes", .list(of: .integer(400...599), 0...100), default: [429, 500]),
                .optional("request_timeout", .integer(1...86_400), default: 120, "Seconds"),
                .optional("max_attempts", .integer(1...100), default: 6),
                .optional("api_key", Schema.secret.orNull, "Sent to model servers; never gets into the sandbox"),
                .optional("resume", .boolean, default: false, "Go on with an unfinished conversation"),
            ]), result: modelServiceStatus, isAudited: true,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let agent = try await services.agent(for: call)
                let settings = try modelService(call)
                let port = UInt16(call.integer("port") ?? 8080)
                let sandbox = try services.needSandboxes().machine.sandbox(agent.sandbox)
                try await services.needModelServices().start(settings, port: port, agent: agent, sandbox)
                return status(of: agent.sandbox.rawValue, services)
            }),
        .own(
            "sandbox.model_service.status", .get, "/sandboxes/{sandbox_id}/model_service",
            "Whether a sandbox has a model service, and how it is", scope: .read, result: modelServiceStatus,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                status(of: try record(call, services), services)
            }),
        .own(
            "sandbox.model_service.stop", .post, "/sandboxes/{sandbox_id}/model_service/stop",
            "Ends a sandbox's model service; its trajectory stays for a week", result: modelServiceStatus,
            isAudited: true,
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let id = try record(call, services)
                _ = try await services.needModelServices().stop(id)
                return status(of: id, services)
            }),
        .own(
            "anti_call_llm", .post, "/sandboxes/{sandbox_id}/model_service/anti_call_llm",
            "A training loop's step: answers a request of the agent inside, and waits for the next",
            body: .json([
                .required("index", .integer(0...Int(Int32.max)), "The request that is answered; 0 asks for the first"),
                .optional("response", .any, "The answer, a JSON object or its text"),
                .optional("timeout", .number(0...86_400), default: 600, "Seconds to wait for the next request"),
            ]),
            result: .object(
                .required("index", .integer(0...Int(Int32.max)), "Of the request"), .required("request", .any),
                .required("ended", .boolean, "The agent has ended: there is no request")),
            .value { (call, services) async throws(Failure) -> [UInt8] in
                let id = try record(call, services)
                let index = call.integer("index") ?? 0
                let answer: [UInt8]? =
                    switch call.members["response"] {
                    case nil, .null: nil
                    case .string(let text): Array(text.utf8)
                    case let json?: json.serialized
                    }
                let next = try await services.needModelServices().next(
                    in: id, after: index, response: answer, within: .seconds(call.number("timeout") ?? 600))
                return json { writer in
                    writer.beginObject()
                    writer.name("index")
                    writer.integer(index + 1)
                    writer.name("request")
                    if let next { writer.raw(next.span) } else { writer.null() }
                    writer.name("ended")
                    writer.bool(next == nil)
                    writer.endObject()
                }
            }),
        .own(
            "sandbox.model_service.trajectory", .get, "/sandboxes/{sandbox_id}/model_service/trajectory",
            "What was asked and answered, a JSON object a line", form: .bytes("application/jsonl"), scope: .read,
            .exchange { (call, _, services) async throws(Failure) -> HTTPResponse in
                let id = try record(call, services)
                let path =
                    try services.needModelServices().folder(of: id) + "/" + ModelServiceConfiguration.trajectoryFile
                let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                guard descriptor >= 0 else { throw Failure(.notFound, "Sandbox \(id) has no trajectory.") }
                let file = OpenFile(OwnedDescriptor(descriptor))
                let size = Int64(max(0, lseek(descriptor, 0, SEEK_END)))
                return HTTPResponse(
                    headers: [HTTPField("Content-Type", "application/jsonl")], body: .file(file, 0..<size))
            }),
    ]

    private static let modelServiceStatus = Schema.object(
        .required("sandbox_id", .text), .required("running", .boolean), .optional("type", .word("local", "proxy")),
        .optional("url", .text, "As the agent inside is told it"), .optional("asked", .integer(0...Int(Int32.max))),
        .optional("waiting", .integer(0...Int(Int32.max))))

    private static func status(of id: String, _ services: Services) -> [UInt8] {
        let running = services.modelServices?.running(id)
        return json { writer in
            writer.beginObject()
            writer.name("sandbox_id")
            writer.string(id)
            writer.name("running")
            writer.bool(running != nil)
            if let running {
                writer.name("type")
                writer.string(running.service.configuration.type.rawValue)
                writer.name("url")
                writer.string("http://127.0.0.1:\(running.port)/v1")
                if let counts = running.service.conversation?.counts {
                    writer.name("asked")
                    writer.integer(counts.asked)
                    writer.name("waiting")
                    writer.integer(counts.waiting)
                }
            }
            writer.endObject()
        }
    }

    /// The id of the sandbox that `call` is about, in whatever state, if it is the caller's to see.
    private static func record(_ call: Call, _ services: Services) throws(Failure) -> String {
        try services.needSandboxes().record(call.sandboxID, for: call.sandboxCaller).id
    }

    /// What `call` wants a service to be.
    private static func modelService(_ call: Call) throws(Failure) -> ModelServiceConfiguration {
        var settings = ModelServiceConfiguration()
        settings.type = ModelServiceConfiguration.Kind(rawValue: call.text("type") ?? "") ?? .local
        settings.resumes = call.isTrue("resume")
        settings.trajectory.appends = true
        guard settings.type == .proxy else { return settings }
        settings.proxyBaseURL = call.text("proxy_base_url")
        settings.proxyRules = (call.members["proxy_rules"]?.object?.members ?? []).reduce(into: [:]) { rules, member in
            rules[member.name] = member.value.string
        }
        guard settings.proxyBaseURL != nil || !settings.proxyRules.isEmpty else {
            throw Failure(.invalidArgument, "A service of type proxy needs proxy_base_url or proxy_rules.")
        }
        // The server would ask for them whatever it can reach itself.
        guard call.caller.may(.admin) else {
            throw Failure(.forbidden, "Only a key of scope admin may say which model servers this server asks.")
        }
        settings.retryableStatusCodes = call.members["retryable_status_codes"]?.array?.compactMap(\.int) ?? []
        settings.requestTimeout = .seconds(call.integer("request_timeout") ?? 120)
        settings.maximumAttempts = call.integer("max_attempts") ?? 6
        settings.apiKey = call.text("api_key")
        return settings
    }
}

extension Services {
    /// What answers sandboxes' model calls.
    ///
    /// - Throws: ``Failure`` where this server has nothing of the kind.
    func needModelServices() throws(Failure) -> SandboxModelServices {
        guard let modelServices else {
            throw Failure(.methodNotFound, "This server runs environments only: it has no driver for sandboxes.")
        }
        return modelServices
    }
}
