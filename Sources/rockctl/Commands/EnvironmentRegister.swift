import GEM
import Glibc

private let manifest = Positional(
    "MANIFEST", .file, summary: "The manifest, YAML; relative paths in it are below its own folder")
private let id = Positional("ID", .text("ID"), summary: "A registered environment, as 'rockctl env list' shows it")
private let sandbox = Positional("SANDBOX", .text("SANDBOX"), summary: "The sandbox_id that make gave")

extension Command {
    /// `rockctl env register`.
    static let environmentRegister: Command = .init(
        "register", summary: "Have a server offer an environment of your own",
        discussion: """
            The manifest names the program that plays the environment. It runs in a sandbox for each make, on the server's \
            machine, which is where the manifest's folders must be. Registering an id again puts the new manifest in place \
            of the old. It needs a key of scope admin where keys are asked for.
            """,
        options: [ServerAccess.json] + ServerAccess.options, positionals: [manifest],
        examples: [
            .init(
                "rockctl env init --lang python corridor && rockctl env register corridor/environment.yml",
                "A first one.")
        ]
    ) { call in
        let path = call[manifest]
        guard let bytes = try ImageArgument.contents(of: path) else {
            throw CommandError(.notFound, "there is no file \(path)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandError(.usage, "\(path) is not UTF-8")
        }
        var params: JSON.Object = ["manifest": .string(text), "name": .string(path)]
        params["folder"] = folder(of: path).map(JSON.string)
        let answer = try await ServerAccess.open(call).call("env.register", .object(params))
        let name = answer["env_id"]?.string ?? ""
        try call.console.write(call[ServerAccess.json] ? ImageArgument.line(answer) : printable(name) + "\n")
        return .success
    }

    /// `rockctl env unregister`.
    static let environmentUnregister: Command = .init(
        "unregister", summary: "Have a server forget an environment of your own",
        discussion: "What was made of it goes on until it is closed.",
        options: ServerAccess.options, positionals: [id]
    ) { call in
        _ = try await ServerAccess.open(call).call("env.unregister", ["env_id": .string(call[id])])
        try call.console.write(call[id] + "\n")
        return .success
    }

    /// `rockctl env logs`.
    static let environmentLogs: Command = .init(
        "logs", summary: "Show what an environment's program wrote to its standard error",
        discussion: "The last 32 KiB are kept, also when the program has ended, until a reset or a close.",
        options: [ServerAccess.json] + ServerAccess.options, positionals: [sandbox]
    ) { call in
        let answer = try await ServerAccess.open(call).call("env.logs", ["sandbox_id": .string(call[sandbox])])
        let log = answer["log"]?.string ?? ""
        try call.console.write(
            call[ServerAccess.json]
                ? ImageArgument.line(answer)
                : log.split(separator: "\n").map { printable(String($0), limit: 4000) + "\n" }.joined())
        return .success
    }
}

/// The absolute path of the folder that `path` is in, links followed; `nil` where it cannot be found.
private func folder(of path: String) -> String? {
    let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    guard let real = realpath(parent.isEmpty ? "/" : parent, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
}
