import GEM

/// What of a request may stand in a log.
enum Redaction {
    /// Bytes of a request's content that a log line shows at most.
    static let contentLimit = 2048

    /// `json` without secrets: passwords, tokens and keys by name, and the values of environment variables.
    static func clean(_ json: JSON) -> JSON {
        switch json {
        case .object(let object):
            var cleaned = JSON.Object()
            for (name, value) in object.members {
                if isSecret(name), !value.isNull {
                    cleaned[name] = "***"
                } else if name == "env" || name == "environment", case .object(let variables) = value {
                    cleaned[name] = .array(variables.members.map { .string($0.name) })
                } else if name == "content" || name == "stdin", let text = value.string {
                    cleaned[name] = .string("\(text.utf8.count) bytes")
                } else {
                    cleaned[name] = clean(value)
                }
            }
            return .object(cleaned)
        case .array(let items): return .array(items.prefix(64).map(clean))
        case .string(let text) where text.utf8.count > contentLimit:
            return .string(String(text.prefix(contentLimit / 4)) + "… (\(text.utf8.count) bytes)")
        case .string, .null, .bool, .number: return json
        }
    }

    private static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["password", "secret", "token", "authorization", "credential", "api_key", "apikey", "x-key"]
            .contains { name.contains($0) }
    }
}
