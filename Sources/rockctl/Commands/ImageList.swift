import Admin
import GEM
import Images
import SandboxHost

private let all = Option.flag("all", letter: "a", summary: "Also those without a name, such as the steps of builds")

extension Command {
    /// `rockctl image list`.
    static let imageList: Command = .init(
        "list", summary: "Show what images there are",
        discussion: """
            Those of the jail driver, and those of Docker or Podman where one answers. Sizes count every layer that an image \
            has; layers that images share are on the disk once, as the last line says of the jail driver's.
            """,
        options: [all, ImageArgument.json] + ImageArgument.remote,
        examples: [
            .init("rockctl image list", "Names, sizes, and when each was last used."),
            .init("rockctl image list --json | jq -r '.images[].names[]'", "Just the names."),
        ]
    ) { call in
        let everything = call[all]
        let listed: [JSON]
        var total: Int64?
        if let server = try await ImageArgument.server(call) {
            listed = (try await server.call("image.list", .object(ImageArgument.params(call))))["images"]?.array ?? []
        } else {
            let (settings, store) = try ImageArgument.open(call)
            let (images, bytes) = try await ImageArgument.blocking { (try store.images(), try store.totalBytes()) }
            total = bytes
            let engines = await EngineImages.list(settings)
            listed = images.map { ImageArgument.json($0) } + engines.map { ImageArgument.json($0) }
        }
        let shown = listed.filter { everything || $0["names"]?.array?.isEmpty == false }
        if call[ImageArgument.json] {
            var object: JSON.Object = ["images": .array(shown)]
            if let total { object["total_bytes"] = .number(.init(Int(total))) }
            try call.console.write(ImageArgument.line(.object(object)))
            return .success
        }
        let rows = shown.flatMap { image in
            let names = image["names"]?.array?.compactMap(\.string) ?? []
            return (names.isEmpty ? ["<none>"] : names).map { name in
                [
                    printable(name, limit: 200), image["driver"]?.string ?? "jail",
                    String((image["digest"]?.string ?? "").dropFirst(7).prefix(12)),
                    ImageArgument.size(Int64(image["size"]?.int ?? 0)),
                    image["layers"]?.array.flatMap { $0.isEmpty ? nil : "\($0.count)" } ?? "",
                    image["last_used"]?.int.map { ImageArgument.age(Int64($0)) } ?? "",
                ]
            }
        }
        let table = Table(["IMAGE", "DRIVER", "DIGEST", "SIZE", "LAYERS", "LAST USED"], rows, right: [3, 4])
        try call.console.write(
            table.text(style: call.console.style) + (total.map { "\(ImageArgument.size($0)) on the disk\n" } ?? ""))
        return .success
    }
}

extension ImageArgument {
    /// An engine's image as JSON.
    fileprivate static func json(_ image: DriverImage) -> JSON {
        [
            "driver": "docker", "digest": .string(image.digest), "names": .array(image.names.map(JSON.string)),
            "size": .number(.init(Int(image.size))), "created": .string(image.created), "last_used": .null,
            "architecture": .string(image.architecture), "layers": [],
        ]
    }
}
