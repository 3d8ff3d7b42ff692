import GEM
import Images

private let all = Option.flag("all", letter: "a", summary: "Also those without a name, such as the steps of builds")

extension Command {
    /// `rockctl image list`.
    static let imageList: Command = .init(
        "list", summary: "Show what images there are",
        discussion: """
            Sizes count every layer that an image has; layers that images share are on the disk once, as the last line says.
            """,
        options: [all, ImageArgument.json] + ImageArgument.place,
        examples: [
            .init("rockctl image list", "Names, sizes, and when each was last used."),
            .init("rockctl image list --json | jq -r '.images[].names[]'", "Just the names."),
        ]
    ) { call in
        let (_, store) = try ImageArgument.open(call)
        let everything = call[all]
        let (images, total) = try await ImageArgument.blocking { (try store.images(), try store.totalBytes()) }
        let shown = images.filter { everything || !$0.names.isEmpty }
        if call[ImageArgument.json] {
            try call.console.write(
                ImageArgument.line([
                    "images": .array(shown.map(ImageArgument.json)), "total_bytes": .number(.init(Int(total))),
                ]))
            return .success
        }
        let rows = shown.flatMap { image in
            (image.names.isEmpty ? ["<none>"] : image.names).map { name in
                [
                    printable(name, limit: 200), String(image.digest.dropFirst(7).prefix(12)),
                    ImageArgument.size(image.size), "\(image.layers.count)", ImageArgument.age(image.lastUsed),
                ]
            }
        }
        let table = Table(["IMAGE", "DIGEST", "SIZE", "LAYERS", "LAST USED"], rows, right: [2, 3])
        try call.console.write(
            table.text(style: call.console.style) + "\(ImageArgument.size(total)) on the disk\n")
        return .success
    }
}
