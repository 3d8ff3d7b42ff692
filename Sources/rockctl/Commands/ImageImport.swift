import GEM
import Images

private let file = Positional(
    "FILE", .file, summary: "A tar, compressed or not, or an OCI layout's folder; - reads a tar from standard input")
private let newName = Rest("NAME", .text("NAME"), summary: "The image's name; archives of images bring their own")

extension Command {
    /// `rockctl image import`.
    static let imageImport: Command = .init(
        "import", summary: "Make an image of a tar or an OCI layout",
        discussion: """
            Reads the tar of a root filesystem, an OCI layout, and what 'docker save' and 'podman save' write; plain, or \
            compressed by gzip, zstd, xz or bzip2. Nothing in a tar is trusted: what would reach outside of the image is \
            refused, and devices are left out.
            """,
        options: [ImageArgument.json] + ImageArgument.place, positionals: [file, newName],
        examples: [
            .init("rockctl image import rootfs.tar.zst python:3.11", "A root filesystem."),
            .init("docker save python:3.11 | rockctl image import -", "An image of Docker's, with its name."),
        ]
    ) { call in
        guard call[newName].count <= 1 else { throw UsageError(at: call.path, "an image takes one name here") }
        let (_, store) = try ImageArgument.open(call)
        let (path, name) = (call[file], call[newName].first)
        let progress = ImageProgress("unpacking", call.console)
        defer { progress.end() }
        let images = try await ImageArgument.blocking {
            try store.importImages(path == "-" ? "/dev/stdin" : path, name: name) { progress.show(bytes: $0) }
        }
        progress.end()
        if call[ImageArgument.json] {
            try call.console.write(ImageArgument.line(["images": .array(images.map(ImageArgument.json))]))
        } else {
            for image in images {
                try call.console.write("\(image.names.first ?? "<none>") \(image.digest)\n")
            }
        }
        return .success
    }
}
