import GEM

private let setting = Positional("NAME", .text("NAME"), summary: "The setting, such as get_status")
private let assignments = Rest("NAME=VALUE", .assignment(), summary: "Settings and what they become")

extension Command {
    /// `rockctl admin config`.
    static let configuration: Command = .init(
        "config", summary: "Show and change what can be changed while the server runs",
        discussion: """
            get_status=registry answers from memory; get_status=legacy asks the sandbox each time. A change holds until \
            the server ends; the configuration file says what it begins with.
            """,
        commands: [configurationList, configurationGet, configurationSet])

    private static let configurationList: Command = .init(
        "list", summary: "Show all settings", options: [ServerAccess.json] + ServerAccess.options
    ) { call in
        let answer = try await ServerAccess.open(call).call("admin.config.get")
        try call.console.write(call[ServerAccess.json] ? ImageArgument.line(answer) : lines(answer))
        return .success
    }

    private static let configurationGet: Command = .init(
        "get", summary: "Show one setting", options: ServerAccess.options, positionals: [setting]
    ) { call in
        let answer = try await ServerAccess.open(call).call("admin.config.get")
        guard let value = answer[call[setting]] else {
            throw CommandError(
                .notFound, "there is no setting '\(printable(call[setting]))'",
                hint: "there are: " + (answer.object?.members ?? []).map(\.name).joined(separator: ", "))
        }
        try call.console.write(text(value) + "\n")
        return .success
    }

    private static let configurationSet: Command = .init(
        "set", summary: "Change settings at once", options: ServerAccess.options, positionals: [assignments],
        examples: [.init("rockctl admin config set get_status=legacy", "As servers before did it.")]
    ) { call in
        guard !call[assignments].isEmpty else { throw UsageError(at: call.path, "NAME=VALUE is missing") }
        let server = try await ServerAccess.open(call)
        let known = try await server.call("admin.config.get")
        var params = JSON.Object()
        for item in call[assignments] {
            guard known[item.name] != nil else {
                throw CommandError(
                    .notFound, "there is no setting '\(printable(item.name))'",
                    hint: "there are: " + (known.object?.members ?? []).map(\.name).joined(separator: ", "))
            }
            params[item.name] = .string(item.value)
        }
        try call.console.write(lines(try await server.call("admin.config.set", .object(params))))
        return .success
    }

    private static func lines(_ settings: JSON) -> String {
        (settings.object?.members ?? []).map { "\($0.name)=\(text($0.value))\n" }.joined()
    }

    private static func text(_ value: JSON) -> String {
        value.string ?? String(decoding: value.serialized, as: UTF8.self)
    }
}
