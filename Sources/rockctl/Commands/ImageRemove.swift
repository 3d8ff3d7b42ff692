import GEM
import Images

private let names = Rest("IMAGE", .text("IMAGE"), summary: "Names or digests")

extension Command {
    /// `rockctl image remove`.
    static let imageRemove: Command = .init(
        "remove", summary: "Remove images",
        discussion: """
            A name is taken away; with the last name goes the image, and with the last image that has it each layer. A \
            digest removes the image with all its names. An image that a sandbox uses stays.
            """,
        options: [ImageArgument.json] + ImageArgument.remote, positionals: [names]
    ) { call in
        guard !call[names].isEmpty else { throw UsageError(at: call.path, "say which images") }
        var report = RemovedImages()
        if let server = try await ImageArgument.server(call) {
            for name in call[names] {
                let params = ImageArgument.params(call, ["image": .string(name)])
                report.add(RemovedImages(try await server.call("image.remove", .object(params))))
            }
            try call.console.write(report.text(json: call[ImageArgument.json]))
            return .success
        }
        let (_, store) = try ImageArgument.open(call)
        for name in call[names] {
            let part = try await ImageArgument.blocking { () -> RemovedImages? in
                try store.resolve(name) == nil ? nil : try store.remove(name)
            }
            guard let part else { throw CommandError.noImage(name) }
            report.add(part)
        }
        try call.console.write(report.text(json: call[ImageArgument.json]))
        return .success
    }
}

extension RemovedImages {
    /// What a server says that it has removed.
    init(_ json: JSON) {
        self.init()
        names = json["names"]?.array?.compactMap(\.string) ?? []
        images = json["images"]?.array?.compactMap(\.string) ?? []
        layers = json["layers"]?.int ?? 0
        bytes = Int64(json["bytes"]?.int ?? 0)
    }

    mutating func add(_ other: RemovedImages) {
        names += other.names
        images += other.images
        layers += other.layers
        bytes += other.bytes
    }

    /// What was removed, for people or programs.
    func text(json: Bool) -> String {
        if json {
            return ImageArgument.line([
                "names": .array(names.map(JSON.string)), "images": .array(images.map(JSON.string)),
                "layers": .number(.init(layers)), "bytes": .number(.init(Int(bytes))),
            ])
        }
        return names.map { "removed the name \($0)\n" }.joined() + images.map { "removed the image \($0)\n" }.joined()
            + "\(layers) layer\(layers == 1 ? "" : "s"), \(ImageArgument.size(bytes)) freed\n"
    }
}
