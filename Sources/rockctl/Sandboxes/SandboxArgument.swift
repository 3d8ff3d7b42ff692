import GEM

/// How command lines name sandboxes: by their ids, or by the beginning of one that no other shares.
enum SandboxArgument {
    private static let kind = ValueKind.text("SANDBOX", completion: .sandboxes)
    static let one = Positional(
        "SANDBOX", kind, summary: "The sandbox: its id, or the beginning of it where no other begins so")
    static let several = Rest("SANDBOX", kind, summary: "Sandboxes: ids, or beginnings that only one id has")

    /// The sandboxes that the words of `call` name.
    ///
    /// - Throws: ``UsageError`` where there are none; as ``resolve(_:_:)``.
    static func resolveAll(_ call: Invocation, _ server: ServerClient) async throws -> [String] {
        guard !call[several].isEmpty else { throw UsageError(at: call.path, "SANDBOX is missing") }
        var ids: [String] = []
        for word in call[several] {
            let id = try await resolve(word, server)
            if !ids.contains(id) { ids.append(id) }
        }
        return ids
    }

    /// The whole id that `word` stands for.
    ///
    /// - Throws: ``CommandError`` where no sandbox is meant, or more than one.
    static func resolve(_ word: String, _ server: ServerClient) async throws -> String {
        do {
            _ = try await server.call(
                "sandbox.get_status", ["sandbox_id": .string(word), "include_all_states": true])
            return word
        } catch let error as CommandError where error.code == .notFound {
            let found = try await SandboxListing.all(server, filters: ["include_all_states": "true"])
                .filter { $0["sandbox_id"]?.string?.hasPrefix(word) ?? false }
            // Those that are no more count only where nothing else is meant.
            let present = found.filter { $0["state"]?.string != "deleted" }
            let meant = (present.isEmpty ? found : present).compactMap { $0["sandbox_id"]?.string }
            guard let id = meant.first else {
                throw CommandError(
                    .notFound, "there is no sandbox '\(printable(word))'",
                    hint: "'rockctl sandbox list --all' shows all")
            }
            guard meant.count == 1 else {
                throw CommandError(
                    .usage, "'\(printable(word))' begins the ids of \(meant.count) sandboxes",
                    hint: meant.prefix(5).joined(separator: "\n") + (meant.count > 5 ? "\n…" : ""))
            }
            return id
        }
    }
}

/// Sandboxes as the server lists them.
enum SandboxListing {
    /// What a listing itself takes; everything else is a member of the sandboxes.
    private static let parameters: Set = ["include_all_states", "order", "created_after", "created_before", "state"]

    /// All pages of a listing.
    ///
    /// - Parameters:
    ///   - server: Where they are.
    ///   - filters: Parameters of the listing, and members that must have a value.
    ///   - most: How many are wanted.
    /// - Returns: Their statuses, oldest first unless the filters say otherwise.
    /// - Throws: ``CommandError``.
    static func all(_ server: ServerClient, filters: [String: String], most: Int = .max) async throws -> [JSON] {
        var items: [JSON] = []
        var page = 1
        let size = 500
        while true {
            var params = JSON.Object()
            var members = JSON.Object()
            for (name, value) in filters.sorted(by: { $0.key < $1.key }) {
                if parameters.contains(name) { params[name] = .string(value) } else { members[name] = .string(value) }
            }
            params["filters"] = .object(members)
            params["page"] = .string("\(page)")
            params["page_size"] = .string("\(size)")
            let answer = try await server.call("sandbox.list", .object(params))
            items += answer["items"]?.array ?? []
            guard answer["has_more"]?.bool == true, items.count < most else { return Array(items.prefix(most)) }
            page += 1
        }
    }

    /// An id that fits a table: long ones by their beginning, which commands take.
    static func shortened(_ id: String) -> String { id.count > 20 ? String(id.prefix(12)) : id }

    /// One row of the table.
    static func row(_ status: JSON, isWhole: Bool) -> [String] {
        let text = { (name: String) in status[name]?.string ?? "" }
        let ports = (status["port_mapping"]?.object?.members ?? [])
            .filter { ($0.value.int ?? 0) > 0 }.map { "\($0.value.int ?? 0)→\($0.name)" }
        let id = text("sandbox_id")
        return [
            printable(isWhole ? id : shortened(id), limit: 130), printable(text("image"), limit: isWhole ? 200 : 40),
            text("state"), text("driver"), age(text("create_time")), printable(ports.joined(separator: ", ")),
        ]
    }

    static let head = ["SANDBOX", "IMAGE", "STATE", "DRIVER", "CREATED", "PORTS"]

    /// A moment of the server's, without its date's separators that nobody reads.
    private static func age(_ time: String) -> String {
        String(time.prefix(19).map { $0 == "T" ? " " : $0 })
    }
}
