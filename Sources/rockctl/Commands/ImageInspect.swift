import GEM
import Images

extension Command {
    /// `rockctl image inspect`.
    static let imageInspect: Command = .init(
        "inspect", summary: "Show everything about an image",
        discussion: "A server (--url) answers in JSON.",
        options: [ImageArgument.json] + ImageArgument.remote, positionals: [ImageArgument.name]
    ) { call in
        let name = call[ImageArgument.name]
        if let server = try await ImageArgument.server(call) {
            let params = ImageArgument.params(call, ["image": .string(name)])
            try call.console.write(ImageArgument.line(try await server.call("image.inspect", .object(params))))
            return .success
        }
        let (_, store) = try ImageArgument.open(call)
        let found = try await ImageArgument.blocking { try store.resolve(name) }
        guard let image = found else { throw CommandError.noImage(name) }
        if call[ImageArgument.json] {
            try call.console.write(ImageArgument.line(ImageArgument.json(image)))
            return .success
        }
        let configuration = image.configuration
        var rows = [
            ("digest", image.digest), ("size", ImageArgument.size(image.size)), ("created", configuration.created),
            ("last used", ImageArgument.age(image.lastUsed) + " ago"), ("architecture", configuration.architecture),
            ("user", configuration.user.isEmpty ? "root" : configuration.user),
            ("directory", configuration.workingDirectory),
            ("entrypoint", configuration.entrypoint.joined(separator: " ")),
            ("command", configuration.command.joined(separator: " ")),
        ]
        rows.insert(contentsOf: image.names.map { ("name", $0) }, at: 0)
        rows += configuration.environment.map { ("variable", $0) }
        rows += configuration.exposedPorts.map { ("port", $0) }
        rows += configuration.labels.sorted { $0.key < $1.key }.map { ("label", "\($0.key)=\($0.value)") }
        rows += zip(image.layerDigests, image.layerDigests.indices).map { ("layer \($1 + 1)", "\($0)") }
        var text = ""
        for (title, value) in rows where !value.isEmpty {
            let pad = String(repeating: " ", count: max(1, 14 - title.count))
            text += call.console.style.paint(title, .strong) + pad + printable(value, limit: 1000) + "\n"
        }
        try call.console.write(text)
        return .success
    }
}

extension CommandError {
    /// The store holds no such image.
    static func noImage(_ name: String) -> CommandError {
        CommandError(
            .notFound, "there is no image '\(printable(name, limit: 200))' here",
            hint: "'rockctl image list' shows what there is\n'rockctl image pull' fetches one")
    }
}
