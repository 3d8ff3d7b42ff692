import Admin
import GEM
import Registry

private let keyName = Option(
    "name", letter: "n", .text("NAME"), default: "rockctl", summary: "What people call the key")
private let scope = Option(
    "scope", .choice(["admin", "user", "read"]), default: "user",
    summary: "What it may do: 'read' looks, 'user' also starts and ends sandboxes, 'admin' everything")
private let namespace = ListOption("namespace", .text("NAME"), summary: "A namespace that it sees; without one, all")
private let key = Positional("KEY", .text("KEY"), summary: "The key's id, as 'list' shows it")

extension Command {
    /// `rockctl admin keys`.
    static let keys: Command = .init(
        "keys", summary: "Make, show and revoke API keys", commands: [keysCreate, keysList, keysRevoke])

    private static let keysCreate: Command = .init(
        "create", summary: "Make an API key and write it, this once",
        discussion: """
            The server keeps only a hash of it. Where no server runs in the data directory and none is named, the key is \
            written to its registry: so the first one comes to be.
            """,
        options: [keyName, scope, namespace, ServerAccess.json] + ServerAccess.options + [ServerSettings.configuration],
        examples: [
            .init("rockctl admin keys create -n me --scope admin > ~/.rock/key", "The first key, before a start."),
            .init("rockctl admin keys create -n ci --namespace team-a", "For one namespace."),
        ]
    ) { call in
        let settings = try ServerSettings.read(call)
        if call[ServerAccess.url] == nil, try PidFile.holder(in: settings.dataDirectory) == nil {
            let token = try await FirstKey.make(
                settings, name: call[keyName], scope: APIScope(rawValue: call[scope]) ?? .user,
                namespaces: call[namespace]
            )
            try call.console.write(
                call[ServerAccess.json] ? ImageArgument.line(["token": .string(token)]) : token + "\n")
            return .success
        }
        let made = try await ServerAccess.open(call).call(
            "admin.keys.create",
            [
                "name": .string(call[keyName]), "scope": .string(call[scope]),
                "namespaces": .array(call[namespace].map(JSON.string)),
            ])
        try call.console.write(
            call[ServerAccess.json] ? ImageArgument.line(made) : (made["token"]?.string ?? "") + "\n")
        return .success
    }

    private static let keysList: Command = .init(
        "list", summary: "Show API keys, without their secrets", options: [ServerAccess.json] + ServerAccess.options
    ) { call in
        let answer = try await ServerAccess.open(call).call("admin.keys.list")
        if call[ServerAccess.json] {
            try call.console.write(ImageArgument.line(answer))
            return .success
        }
        let rows = (answer["keys"]?.array ?? []).map { key in
            let text = { (name: String) in printable(key[name]?.string ?? "–", limit: 100) }
            let namespaces = (key["namespaces"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            return [
                text("key_id"), text("name"), text("scope"), namespaces.isEmpty ? "all" : printable(namespaces),
                text("create_time"), text("last_used_time"), text("revoke_time"),
            ]
        }
        let head = ["KEY", "NAME", "SCOPE", "NAMESPACES", "CREATED", "LAST USED", "REVOKED"]
        try call.console.write(Table(head, rows).text(style: call.console.style))
        return .success
    }

    private static let keysRevoke: Command = .init(
        "revoke", summary: "Make an API key useless for ever", options: ServerAccess.options, positionals: [key]
    ) { call in
        _ = try await ServerAccess.open(call).call("admin.keys.revoke", ["key_id": .string(call[key])])
        try call.console.write(call[key] + "\n")
        return .success
    }
}
