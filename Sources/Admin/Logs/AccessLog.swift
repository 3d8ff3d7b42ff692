import GEM
import Transport

/// What came in and what went out, in ROCK's form: indented JSON under the name `accessLog`.
struct AccessLog: Sendable {
    let logs: Logs

    private var isWanted: Bool { logs.configuration.access != .none && logs.takes(.info) }

    /// Notes a request that has been understood. Neither secrets nor whole files get into it.
    func request(_ call: Call, _ request: HTTPRequest) {
        guard isWanted else { return }
        var headers = JSON.Object()
        for field in request.headers.fields.prefix(64) {
            let name = field.name.lowercased()
            headers[name] = .string(Self.isSecret(name) ? "***" : String(field.value.prefix(256)))
        }
        var entry: JSON.Object = [
            "access_type": "request", "method": .string(request.method),
            // Queries of programs inside may carry their tokens.
            "url": .string(String(decoding: request.rawPath.prefix(1024), as: UTF8.self)),
            "headers": .object(headers),
        ]
        if call.operation.form != .passThrough, !call.operation.bodyFields.isEmpty, call.text.count < 64 << 10 {
            entry["request_content"] = Redaction.clean(.object(call.members))
        }
        write(entry, sandbox: call.sandboxID, trace: call.trace, level: .info)
    }

    /// Notes an answer.
    func response(
        _ operation: Operation, sandbox: String, status: HTTPStatus, failure: Failure?, milliseconds: Double,
        trace: String
    ) {
        guard isWanted else { return }
        var entry: JSON.Object = [
            "access_type": "response", "operation": .string(operation.name),
            "status_code": .number(JSON.Number(Int(status.rawValue))),
        ]
        let rounded = (milliseconds * 1000).rounded() / 1000
        entry["process_time"] = JSON.Number(rounded).map { .number($0) }
        if let failure { entry["failure"] = .string(failure.message) }
        write(entry, sandbox: sandbox, trace: trace, level: .info)
    }

    private func write(_ entry: JSON.Object, sandbox: String, trace: String, level: LogLevel) {
        Log(logs, "accessLog")(
            level, Self.indented(.object(entry)), sandbox: sandbox, trace: trace, isJSON: true)
    }

    private static func isSecret(_ name: String) -> Bool {
        ["authorization", "cookie", "key", "token", "secret", "password"].contains { name.contains($0) }
            && name != "route-key"
    }

    /// `json` over several lines, four blanks a level.
    static func indented(_ json: JSON) -> String {
        var text = ""
        append(json, level: 0, to: &text)
        return text
    }

    private static func append(_ value: JSON, level: Int, to text: inout String) {
        let inner = String(repeating: "    ", count: level + 1)
        let outer = String(repeating: "    ", count: level)
        switch value {
        case .object(let object) where !object.members.isEmpty:
            text += "{\n"
            for (place, member) in object.members.enumerated() {
                if place > 0 { text += ",\n" }
                text += inner + compact(.string(member.name)) + ": "
                append(member.value, level: level + 1, to: &text)
            }
            text += "\n\(outer)}"
        case .array(let items) where !items.isEmpty:
            text += "[\n"
            for (place, item) in items.enumerated() {
                if place > 0 { text += ",\n" }
                text += inner
                append(item, level: level + 1, to: &text)
            }
            text += "\n\(outer)]"
        case .object, .array, .string, .number, .bool, .null: text += compact(value)
        }
    }

    private static func compact(_ value: JSON) -> String {
        String(decoding: json { $0.value(value) }, as: UTF8.self)
    }
}
