import GEM
import Images

private let newName = Positional("NAME", .text("NAME"), summary: "The further name")

extension Command {
    /// `rockctl image tag`.
    static let imageTag: Command = .init(
        "tag", summary: "Give an image a further name",
        options: ImageArgument.place, positionals: [ImageArgument.name, newName],
        examples: [.init("rockctl image tag python:3.11 localhost:5000/py:1", "A name that says where to push it.")]
    ) { call in
        let (_, store) = try ImageArgument.open(call)
        let (name, new) = (call[ImageArgument.name], call[newName])
        let image = try await ImageArgument.blocking { () -> Image? in
            try store.resolve(name) == nil ? nil : try store.tag(name, as: new)
        }
        guard let image else { throw CommandError.noImage(name) }
        try call.console.write("\(new) \(image.digest)\n")
        return .success
    }
}
