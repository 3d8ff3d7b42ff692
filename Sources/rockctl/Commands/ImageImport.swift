import GEM
import Glibc
import Images
import Transport

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
        options: [ImageArgument.json] + ImageArgument.remote, positionals: [file, newName],
        examples: [
            .init("rockctl image import rootfs.tar.zst python:3.11", "A root filesystem."),
            .init("docker save python:3.11 | rockctl image import -", "An image of Docker's, with its name."),
        ]
    ) { call in
        guard call[newName].count <= 1 else { throw UsageError(at: call.path, "an image takes one name here") }
        if let server = try await ImageArgument.server(call) { return try await send(call, server) }
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

    /// Sends the tar to a server.
    private static func send(_ call: Invocation, _ server: ServerClient) async throws -> ExitCode {
        let path = call[file]
        var status = stat()
        let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw CommandError(.notFound, "cannot read \(printable(path)): \(String(cString: strerror(errno)))")
        }
        let source = OpenFile(OwnedDescriptor(descriptor))
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw CommandError(.usage, "a server takes a tar, not a folder", hint: "tar -C \(printable(path)) -c . | …")
        }
        var query: [(name: String, value: String)] = ImageArgument.params(call).members.compactMap { member in
            member.value.string.map { (name: member.name, value: $0) }
        }
        if let name = call[newName].first { query.append(("name", name)) }
        var request = HTTPClientRequest("POST", "/apis/admin/v1/images/import" + ServerClient.query(query))
        let progress = ImageProgress("sending", call.console)
        defer { progress.end() }
        request.upload = HTTPUpload(length: nil) { writer in
            var sent: Int64 = 0
            while true {
                let piece = try await BlockingPool.run {
                    try [UInt8](unsafeUninitializedCapacity: 256 << 10) { room, count in
                        let got = read(source.rawValue, room.baseAddress, room.count)
                        guard got >= 0 else { throw SystemCallError("read", errno: errno) }
                        count = got
                    }
                }
                if piece.isEmpty { return }
                try await writer.write(piece)
                sent += Int64(piece.count)
                progress.show(bytes: sent)
            }
        }
        let bytes = try await server.send(request)
        let answer = try JSON(parsing: bytes.span)
        progress.end()
        if call[ImageArgument.json] {
            try call.console.write(ImageArgument.line(answer))
        } else {
            for image in answer["images"]?.array ?? [] {
                let digest = image["digest"]?.string ?? ""
                try call.console.write("\(image["names"]?[0]?.string ?? "<none>") \(printable(digest))\n")
            }
        }
        return .success
    }
}
