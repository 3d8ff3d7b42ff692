import GEM
import SandboxHost
import Transport

/// The methods of the JSON-RPC face, each from its params to its result; what calls them is a door's affair.
struct EnvironmentCalls: Sendable {
    let directory: EnvironmentDirectory
    /// What observations carry when `make` does not say: `brief` over JSON-RPC, `full` over REST.
    let info: String

    /// Carries out one call.
    ///
    /// - Parameters:
    ///   - method: What to do.
    ///   - params: A valid JSON object on one line.
    ///   - caller: Who asks: what is made is noted as theirs.
    ///   - connection: The client's connection, for leases; `nil` where there is none to lose.
    /// - Returns: The JSON of the result, or of an error object that the rocklet gave.
    /// - Throws: ``Failure`` for everything that went wrong before or outside the rocklet.
    func perform(
        _ method: Method, params: [UInt8], caller: Caller, connection: ClientConnection?
    ) async throws(Failure) -> Reply {
        switch method {
        case .step:
            return try await once(params) { (environment) async throws(Failure) -> Reply in
                try await environment.step(params: params)
            }
        case .reset:
            return try await once(params) { (environment) async throws(Failure) -> Reply in
                try await directory.reset(environment, params: params)
            }
        case .render: return try await environment(Members(params)).call("render", params: params)
        case .sampleAction:
            return try await once(params) { (environment) async throws(Failure) -> Reply in
                try await environment.call("sample_action", params: params)
            }
        case .save: return try await environment(Members(params)).call("save", params: params)
        case .restore:
            return try await once(params) { (environment) async throws(Failure) -> Reply in
                try await environment.call("restore", params: params)
            }
        case .fork:
            let count = try Members(params).integer("count", in: 1...Self.mostForks) ?? 1
            return try await once(params) { (environment) async throws(Failure) -> Reply in
                try await directory.fork(environment, count: count, owner: caller.name, connection: connection)
            }
        case .status: return try await status(environment(Members(params)))
        case .close: return try await close(Members(params))
        case .list: return .result(list()[...])
        case .make:
            let request = try MakeRequest(params: params, registry: directory.registry, info: info)
            return try await directory.make(request, owner: caller.name, connection: connection)
        }
    }

    private func environment(_ members: Members) throws(Failure) -> LiveEnvironment {
        try directory.environment(try sandboxID(members))
    }

    private func sandboxID(_ members: Members) throws(Failure) -> String {
        guard let id = try members.text("sandbox_id", most: 63) else {
            throw Failure(.invalidParams, "sandbox_id is required: the id that make gave.")
        }
        return id
    }

    /// Does `work` on the environment that `params` name; a repeat of the same `request_id` gets the first answer.
    private func once(
        _ params: [UInt8], work: (LiveEnvironment) async throws(Failure) -> Reply
    ) async throws(Failure) -> Reply {
        let members = try Members(params)
        let environment = try environment(members)
        guard let requestID = try members.text("request_id", most: 256) else { return try await work(environment) }
        return try await environment.answers.answer(to: requestID) { () async throws(Failure) -> Reply in
            try await work(environment)
        }
    }

    private func close(_ members: Members) async throws(Failure) -> Reply {
        let environment = try environment(members)
        await directory.close(environment.id, reason: .client)
        return .result(Array("{\"sandbox_id\":\"\(environment.id.rawValue)\"}".utf8)[...])
    }

    /// Sandboxes that one `fork` may make.
    private static let mostForks = 256

    private func list() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("environments")
        writer.beginArray()
        for spec in directory.registry.all { spec.write(to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// What the server knows about an environment, with the rocklet's own account of the episode inside.
    private func status(_ environment: LiveEnvironment) async throws(Failure) -> Reply {
        var failure = environment.sandbox.failure
        var episode: ArraySlice<UInt8>?
        if failure == nil {
            do {
                if case .result(let result) = try await environment.call("status", params: [0x7B, 0x7D]) {
                    episode = result
                }
            } catch { failure = error }
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("sandbox_id")
        writer.string(environment.id.rawValue)
        writer.name("env_id")
        writer.string(environment.request.environment.description)
        writer.name("state")
        writer.string(failure == nil ? "running" : "failed")
        writer.name("age_seconds")
        writer.double(environment.age)
        writer.name("idle_timeout_seconds")
        writer.double(environment.idleTimeout / .seconds(1))
        writer.name("call_timeout_seconds")
        writer.double(environment.callTimeout / .seconds(1))
        writer.name("lease")
        writer.string(environment.request.lease.rawValue)
        if let usage = environment.sandbox.usage {
            writer.name("usage")
            writer.beginObject()
            writer.name("memory_bytes")
            writer.integer(usage.memoryBytes)
            writer.name("descriptors")
            if let count = usage.descriptors { writer.integer(count) } else { writer.null() }
            writer.endObject()
        }
        if let failure {
            writer.name("failure")
            writer.beginObject()
            writer.name("kind")
            writer.string(failure.kind.rawValue)
            writer.name("message")
            writer.string(failure.message)
            writer.endObject()
        }
        writer.endObject()
        var result = writer.bytes
        if let episode {
            result.removeLast()
            result.append(contentsOf: ",\"episode\":".utf8)
            result.append(contentsOf: episode)
            result.append(UInt8(ascii: "}"))
        }
        return .result(result[...])
    }
}
