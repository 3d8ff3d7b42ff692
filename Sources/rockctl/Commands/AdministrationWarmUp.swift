import GEM

private let image = Positional("IMAGE", .text("IMAGE"), summary: "The image that is made ready")
private let runtime = Option(
    "runtime", .choice(["jail", "docker"]), summary: "For which driver; by default the server's")

extension Command {
    /// `rockctl admin warmup`.
    static let administrationWarmUp: Command = .init(
        "warmup", summary: "Have an image ready before a sandbox wants it",
        discussion: """
            Returns when the image is there, which may take as long as fetching it does.
            """,
        options: [runtime] + ServerAccess.options, positionals: [image]
    ) { call in
        var params: JSON.Object = ["image": .string(call[image])]
        if let runtime = call[runtime] { params["runtime"] = .string(runtime) }
        _ = try await ServerAccess.open(call).call("sandbox.warm_up", .object(params))
        try call.console.write(call[image] + "\n")
        return .success
    }
}
