import Admin
import GEM
import Images

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
        options: [policy, ImageArgument.user, ImageArgument.json] + ImageArgument.place,
        positionals: [ImageArgument.name],
        examples: [
            .init("rockctl image pull python:3.11", "The newest of that name."),
            .init("rockctl image pull -u alice registry.example/team/py:1", "With a password from standard input."),
        ],
        catchesSignals: true
    ) { call in
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
}
