import GEM
import Registry

extension Interface {
    /// Environments registered by name, as ROCK's envhub has them.
    static let catalogOperations: [Operation] = [
        Operation(
            name: "catalog.register", verbs: [.post], path: "/env/register",
            summary: "Registers an environment by name, or changes it", scope: .user,
            body: .json([
                .required("env_name", .text(least: 1, most: 256)), .required("image", .text(least: 1, most: 1024)),
                .optional("owner", .text(most: 256), default: ""),
                .optional("description", .text(most: 16_384), default: ""),
                .optional("tags", .list(of: .text(least: 1, most: 128), 0...64).orNull, default: []),
                .optional("extra_spec", Schema(.map(.any), isNullable: true)),
            ]), form: .bare, result: entry, isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let registry = try services.needRegistry()
                let tags = call.texts("tags")
                let extra = call.members["extra_spec"].flatMap { $0.isNull ? nil : $0 }
                let text = extra.map { extra in String(decoding: json { $0.value(extra) }, as: UTF8.self) }
                guard text?.utf8.count ?? 0 <= 64 << 10 else {
                    throw Failure(.tooLarge, "extra_spec may have at most 65536 bytes.")
                }
                let wanted = CatalogEntry(
                    name: call.text("env_name") ?? "", image: call.text("image") ?? "", owner: call.text("owner") ?? "",
                    description: call.text("description") ?? "", tags: tags, extraSpec: text)
                let entry = try await asking { try await registry.register(wanted) }
                return json { $0.entry(entry, registry.times) }
            }),
        Operation(
            name: "catalog.get", verbs: [.post], path: "/env/get", summary: "An environment by name", scope: .read,
            body: .json([.required("env_name", .text(least: 1, most: 256))]), form: .bare, result: entry,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let registry = try services.needRegistry()
                let name = call.text("env_name") ?? ""
                guard let entry = try await asking({ try await registry.catalogEntry(name) }) else {
                    throw noEntry(name)
                }
                return json { $0.entry(entry, registry.times) }
            }),
        Operation(
            name: "catalog.list", verbs: [.post], path: "/env/list", summary: "Environments by owner and tags",
            scope: .read,
            body: .optionalJSON([
                .optional("owner", .text(most: 256).orNull),
                .optional("tags", .list(of: .text(most: 128), 0...64).orNull, default: nil, "Any of them"),
            ]), form: .bare, result: .object(.required("envs", .list(of: entry))),
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let registry = try services.needRegistry()
                let (owner, tags) = (call.text("owner"), call.texts("tags"))
                let entries = try await asking { try await registry.catalog(owner: owner, tags: tags) }
                return json { writer in
                    writer.beginObject()
                    writer.name("envs")
                    writer.beginArray()
                    for entry in entries { writer.entry(entry, registry.times) }
                    writer.endArray()
                    writer.endObject()
                }
            }),
        Operation(
            name: "catalog.delete", verbs: [.post], path: "/env/delete", summary: "Forgets an environment",
            scope: .user, body: .json([.required("env_name", .text(least: 1, most: 256))]), form: .bare,
            result: .boolean, isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let registry = try services.needRegistry()
                let name = call.text("env_name") ?? ""
                guard try await asking({ try await registry.unregister(name) }) else { throw noEntry(name) }
                return Array("true".utf8)
            }),
    ]

    private static func noEntry(_ name: String) -> Failure {
        Failure(.notFound, "There is no environment called \(name.prefix(256)). 'catalog.list' shows those there are.")
    }

    private static let entry = Schema.object(
        .required("env_name", .text), .required("image", .text), .required("owner", .text),
        .required("description", .text), .required("tags", .list(of: .text)),
        .required("extra_spec", Schema(.map(.any), isNullable: true)), .required("create_at", .text),
        .required("update_at", .text))
}

extension JSONWriter {
    /// Writes exactly the members that ROCK's client hands to its constructor.
    fileprivate mutating func entry(_ entry: CatalogEntry, _ times: TimeFormat) {
        beginObject()
        for (name, text) in [
            ("env_name", entry.name), ("image", entry.image), ("owner", entry.owner),
            ("description", entry.description), ("create_at", times.text(entry.createTime)),
            ("update_at", times.text(entry.updateTime)),
        ] as [(StaticString, String)] {
            self.name(name)
            string(text)
        }
        name("tags")
        beginArray()
        for tag in entry.tags { string(tag) }
        endArray()
        name("extra_spec")
        if let extra = entry.extraSpec { raw(Array(extra.utf8).span) } else { null() }
        endObject()
    }
}
