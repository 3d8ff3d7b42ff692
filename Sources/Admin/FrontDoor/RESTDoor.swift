import GEM
import SandboxHost
import Transport

/// ROCK's REST face of the environments, for the unmodified Python SDK: bare objects in, bare objects out.
struct RESTDoor: Sendable {
    let calls: EnvironmentCalls
    let metrics: Metrics

    /// Answers `POST /apis/v1/envs/gem/<name>`; `nil` where there is no such path.
    func answer(
        _ name: String, body: [UInt8], caller: Caller, connection: ClientConnection?
    ) async -> HTTPResponse? {
        guard let method = Method(rawValue: name), Self.methods.contains(method) else { return nil }
        if method == .list { return .json(.ok, ids()) }
        let start = monotonicNanoseconds()
        do throws(Failure) {
            var params = body
            JSON.joinLines(of: &params)
            switch try await calls.perform(method, params: params, caller: caller, connection: connection) {
            case .result(let result):
                metrics.record(method, since: start, failed: false)
                return .json(.ok, Array(result))
            case .error(let error):
                let failure = (try? JSON(parsing: error.span)).flatMap { Failure($0) }
                throw failure ?? Failure(.internalError, "The sandbox gave an error that cannot be read.")
            }
        } catch {
            metrics.record(method, since: start, failed: true)
            metrics.record(error)
            // Looked at only now: most bodies are right, and what is wrong was found on the way.
            return Self.complaint(about: body, for: method) ?? Self.response(to: error)
        }
    }

    private static let methods: [Method] = [.make, .reset, .step, .close, .list]

    /// `{"env_id": [id, …]}`.
    private func ids() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("env_id")
        writer.beginArray()
        for spec in calls.directory.registry.all { writer.string(spec.id.description) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// How ROCK says that something went wrong: status 500, save where another status tells the client what to do.
    private static func response(to failure: Failure) -> HTTPResponse {
        let status: HTTPStatus =
            switch failure.kind {
            case .tooLarge, .overloaded, .shuttingDown, .isolationRefused, .timeout:
                HTTPStatus(rawValue: UInt16(failure.kind.httpStatus))
            default: 500
            }
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("detail")
        writer.string(failure.message)
        writer.name("kind")
        writer.string(failure.kind.rawValue)
        writer.name("traceback")
        writer.beginArray()
        writer.endArray()
        writer.endObject()
        return .json(status, writer.bytes)
    }

    // MARK: - Shape

    /// A member that a body must or may have, and the JSON type it must be of.
    private struct Field {
        let name: String
        let isRequired: Bool
        let type: String
        let isValid: (JSON) -> Bool
    }

    private static func fields(of method: Method) -> [Field] {
        let sandbox = Field(name: "sandbox_id", isRequired: true, type: "string_type") { $0.string != nil }
        switch method {
        case .reset:
            return [sandbox, Field(name: "seed", isRequired: false, type: "int_type") { $0.isNull || $0.int != nil }]
        case .step: return [sandbox, Field(name: "action", isRequired: true, type: "string_type") { $0.string != nil }]
        case .close: return [sandbox]
        default: return []
        }
    }

    /// The answer 422 to a body of the wrong shape, in the form that ROCK's clients know; `nil` where it is right.
    private static func complaint(about body: [UInt8], for method: Method) -> HTTPResponse? {
        guard let json = try? JSON(parsing: body.span) else {
            return unprocessable([("json_invalid", ["body"], "The body is not valid JSON.")])
        }
        guard case .object = json else {
            return unprocessable([("model_attributes_type", ["body"], "The body must be a JSON object.")])
        }
        let complaints: [(String, [String], String)] = fields(of: method).compactMap { field in
            guard let value = json[field.name] else {
                return field.isRequired ? ("missing", ["body", field.name], "Field required") : nil
            }
            let isManyAtOnce = field.name == "action" && json["actions"] != nil
            return field.isValid(value) || isManyAtOnce
                ? nil : (field.type, ["body", field.name], "\(field.name) has the wrong type.")
        }
        return complaints.isEmpty ? nil : unprocessable(complaints)
    }

    private static func unprocessable(_ complaints: [(type: String, place: [String], message: String)]) -> HTTPResponse
    {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("detail")
        writer.beginArray()
        for complaint in complaints {
            writer.beginObject()
            writer.name("type")
            writer.string(complaint.type)
            writer.name("loc")
            writer.beginArray()
            for part in complaint.place { writer.string(part) }
            writer.endArray()
            writer.name("msg")
            writer.string(complaint.message)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return .json(422, writer.bytes)
    }
}
