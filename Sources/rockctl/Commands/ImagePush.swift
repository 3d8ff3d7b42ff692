import Admin
import GEM
import Images

private let target = Rest("NAME", .text("NAME"), summary: "Where to; IMAGE itself by default")

extension Command {
    /// `rockctl image push`.
    static let imagePush: Command = .init(
        "push", summary: "Send an image to its registry",
        discussion: """
            The registry stands in front of the name, as in localhost:5000/team/py:1. Layers that the registry has are not \
            sent again.
            """,
        options: [ImageArgument.user, ImageArgument.json] + ImageArgument.place,
        positionals: [ImageArgument.name, target],
        examples: [.init("rockctl image push python:3.11 localhost:5000/py:1", "Under another name.")],
        catchesSignals: true
    ) { call in
        guard call[target].count <= 1 else { throw UsageError(at: call.path, "an image is pushed under one name") }
        let (settings, store) = try ImageArgument.open(call)
        let name = call[ImageArgument.name]
        guard try await ImageArgument.blocking({ try store.resolve(name) }) != nil else {
            throw CommandError.noImage(name)
        }
        let login = try ImageArgument.login(call)
        let new = call[target].first
        let progress = ImageProgress("pushing", call.console)
        defer { progress.end() }
        let pushed = try await Interrupted.watching {
            try await store.push(name, as: new, to: settings.runtime.registries, login: login) { progress.show($0) }
        }
        progress.end()
        try call.console.write(
            call[ImageArgument.json]
                ? ImageArgument.line(["name": .string(pushed.name), "digest": .string(pushed.digest)])
                : "\(pushed.name)@\(pushed.digest)\n")
        return .success
    }
}
