import GEM
import Registry

extension Interface {
    /// API keys.
    static let keyOperations: [Operation] = [
        Operation(
            name: "admin.keys.list", verbs: [.get], path: administration + "/keys",
            summary: "Every API key, without its secret", scope: .admin, form: .bare,
            result: .object(.required("keys", .list(of: key))),
            action: .value { (_, services) async throws(Failure) -> [UInt8] in
                let registry = try services.needRegistry()
                return json { writer in
                    writer.beginObject()
                    writer.name("keys")
                    writer.beginArray()
                    for key in registry.keys { writer.key(key, registry.times) }
                    writer.endArray()
                    writer.endObject()
                }
            }),
        Operation(
            name: "admin.keys.create", verbs: [.post], path: administration + "/keys",
            summary: "Makes an API key; its token is shown this once", scope: .admin,
            body: .json([
                .required("name", .text(least: 1, most: APIKey.nameLimit)),
                .optional("scope", .word("admin", "user", "read"), default: "user", "What it may do"),
                .optional(
                    "namespaces",
                    .list(of: .text(least: 1, most: 1024), 0...APIKey.namespaceLimit), default: [],
                    "The namespaces it sees; none is all"),
            ]), form: .bare, result: .object(.required("token", .text), .required("key", key)), isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let registry = try services.needRegistry()
                let (name, namespaces) = (call.text("name") ?? "", call.texts("namespaces"))
                let scope = call.text("scope").flatMap(APIScope.init(rawValue:)) ?? .user
                let made = try await asking {
                    try await registry.write { try $0.createKey(name: name, scope: scope, namespaces: namespaces) }
                }
                return json { writer in
                    writer.beginObject()
                    writer.name("token")
                    writer.string(made.token)
                    writer.name("key")
                    writer.key(made.key, registry.times)
                    writer.endObject()
                }
            }),
        Operation(
            name: "admin.keys.revoke", verbs: [.delete], path: administration + "/keys/{key_id}",
            summary: "Makes an API key useless for ever", scope: .admin, form: .bare,
            result: .object(.required("key_id", .text)), isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let registry = try services.needRegistry()
                let id = call.text("key_id") ?? ""
                try await asking { try await registry.write { try $0.revokeKey(id) } }
                return json { writer in
                    writer.beginObject()
                    writer.name("key_id")
                    writer.string(id)
                    writer.endObject()
                }
            }),
    ]

    private static let key = Schema.object(
        .required("key_id", .text), .required("name", .text), .required("scope", .text),
        .required("namespaces", .list(of: .text)), .required("create_time", .text),
        .required("last_used_time", .text.orNull), .required("revoke_time", .text.orNull))
}

extension JSONWriter {
    fileprivate mutating func key(_ key: APIKey, _ times: TimeFormat) {
        beginObject()
        for (name, text) in [
            ("key_id", key.id), ("name", key.name), ("scope", key.scope.rawValue),
            ("create_time", times.text(key.createTime)),
        ] as [(StaticString, String)] {
            self.name(name)
            string(text)
        }
        name("namespaces")
        beginArray()
        for namespace in key.namespaces { string(namespace) }
        endArray()
        for (name, time) in [("last_used_time", key.lastUsedTime), ("revoke_time", key.revokeTime)]
            as [(StaticString, Timestamp?)]
        {
            self.name(name)
            if let time { string(times.text(time)) } else { null() }
        }
        endObject()
    }
}
