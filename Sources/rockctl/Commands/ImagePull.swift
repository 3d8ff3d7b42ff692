import Admin
import GEM
import Images
import Transport

private let policy = Option(
    "policy", .choice(PullRule.allCases.map(\.rawValue)), default: PullRule.always.rawValue,
    summary: "When to ask the registry")

extension Command {
    /// `rockctl image pull`.
    static let imagePull: Command = .init(
        "pull", summary: "Fetch an image from its registry",
        discussion: """
            Only the layers that are not here are fetched, and every one is checked against its digest. A name without a \
            registry belongs to the one that the configuration file's 'runtime.images.registry' says (Docker's by default), after \
            its 'runtime.images.mirrors'. Registries are spoken to with TLS, but for those in 'runtime.images.insecure'.
            """,
        options: [policy, ImageArgument.user, ImageArgument.json] + ImageArgument.remote,
        positionals: [ImageArgument.name],
        examples: [
            .init("rockctl image pull python:3.11", "The newest of that name."),
            .init("rockctl image pull -u alice registry.example/team/py:1", "With a password from standard input."),
        ],
        catchesSignals: true
    ) { call in
        if let server = try await ImageArgument.server(call) { return try await pull(call, server) }
        let (settings, store) = try ImageArgument.open(call)
        let login = try ImageArgument.login(call)
        let name = call[ImageArgument.name]
        let rule = PullRule(rawValue: call[policy]) ?? .always
        let progress = ImageProgress("pulling", call.console)
        defer { progress.end() }
        let image = try await Interrupted.watching {
            try await store.image(name, pull: rule, from: settings.runtime.registries, login: login) {
                progress.show($0)
            }
        }
        progress.end()
        try call.console.write(
            call[ImageArgument.json] ? ImageArgument.line(ImageArgument.json(image)) : "\(name) \(image.digest)\n")
        return .success
    }

    /// Has a server fetch it.
    private static func pull(_ call: Invocation, _ server: ServerClient) async throws -> ExitCode {
        let name = call[ImageArgument.name]
        guard call[policy] != PullRule.never.rawValue else {
            throw UsageError(at: call.path, "--policy never asks a server for nothing")
        }
        var order = ImageArgument.params(call, ["image": .string(name), "policy": .string(call[policy])])
        if let login = try ImageArgument.login(call) {
            order["username"] = .string(login.username)
            order["password"] = .string(login.password)
        }
        let progress = ImageProgress("pulling", call.console)
        defer { progress.end() }
        let socket = try await server.webSocket("/apis/admin/v1/images/pull/follow")
        let text = JSON.object(order).serialized
        let image = try await Interrupted.watching { () -> JSON in
            defer { socket.close() }
            try await socket.send(text: text)
            for try await message in socket {
                guard case .text(let text) = message, let json = try? JSON(parsing: text.span) else { continue }
                if let text = json["progress"]?.string { progress.show(text: printable(text, limit: 200)) }
                if let image = json["image"] { return image }
                if let error = json["error"] {
                    throw CommandError(.failure, printable(error["message"]?.string ?? "it failed", limit: 2000))
                }
            }
            throw CommandError(.failure, "the connection to the server broke off")
        }
        progress.end()
        try call.console.write(
            call[ImageArgument.json] ? ImageArgument.line(image) : "\(name) \(image["digest"]?.string ?? "")\n")
        return .success
    }
}
