import GEM
import Images

private let tag = Positional(
    "IMAGE", .text("IMAGE"),
    summary:
        "The new image's name; one that begins with a registry, such as registry.example/team/image:1, is pushed there")

extension Command {
    /// `rockctl sandbox commit`.
    static let sandboxCommit: Command = .init(
        "commit", summary: "Make an image of a sandbox's files",
        options: [ImageArgument.user, ServerAccess.json] + ServerAccess.options,
        positionals: [SandboxArgument.one, tag],
        examples: [.init("rockctl sandbox commit 3f2a project:ready", "What was installed becomes an image.")],
        catchesSignals: true
    ) { call in
        let server = try await ServerAccess.open(call)
        let id = try await SandboxArgument.resolve(call[SandboxArgument.one], server)
        var params: JSON.Object = ["sandbox_id": .string(id), "image_tag": .string(call[tag])]
        if let login = try ImageArgument.login(call) {
            params["username"] = .string(login.username)
            params["password"] = .string(login.password)
        }
        let status = try await server.call("sandbox.commit", .object(params))
        let phase = status["phase"]?.string ?? "?"
        if call[ServerAccess.json] {
            try call.console.write(ImageArgument.line(status))
        } else if phase == "SUCCEEDED" {
            try call.console.write((status["digest"]?.string ?? call[tag]) + "\n")
        }
        switch phase {
        case "SUCCEEDED": return .success
        case "RUNNING":
            throw CommandError(
                .timedOut, "the commit goes on", hint: "GET /apis/envs/sandbox/v1/commit/\(id) says how it stands")
        default:
            throw CommandError(
                .failure, printable(status["error_message"]?.string ?? "it failed", limit: 2000))
        }
    }
}
