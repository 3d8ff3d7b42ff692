import CImages
package import GEM
import Glibc
import Transport

extension ImageStore {
    /// Makes images of a file or a folder: the tar of a root filesystem, an OCI layout as a tar or a folder, or what
    /// `docker save` and `podman save` write. Tars may be compressed.
    ///
    /// - Parameters:
    ///   - path: The file or the OCI layout's folder.
    ///   - name: Leads to the image from now on. Needed for a root filesystem; replaces the names that an archive of one
    ///     image brings.
    ///   - configuration: How programs are started in a root filesystem; with the usual search path where it sets none.
    ///   - progress: Told the bytes unpacked so far; throws to stop.
    /// - Returns: The images; one, but for archives of several.
    /// - Throws: ``Failure``; then the store is as before, or has the first images of an archive.
    package func importImages(
        _ path: String, name: String?, configuration: ImageConfiguration = ImageConfiguration(),
        progress: @escaping (Int64) throws(Failure) -> Void = { (_: Int64) throws(Failure) in }
    ) throws(Failure) -> [Image] {
        let reference: ImageReference? = if let name { try ImageReference(name) } else { nil }
        let work = try beginWork()
        defer { work.end() }
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw Failure(
                errno == ENOENT ? .notFound : .invalidArgument,
                "Cannot read \(path): \(String(cString: strerror(errno))).")
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            guard let archive = try ImageArchive(folder: path, path) else {
                throw Failure(
                    .invalidArgument,
                    "\(path) is a folder, but no OCI layout. Import a root filesystem as a tar: tar -C \(path) -c . | rockctl image import - NAME."
                )
            }
            return try install(archive, as: reference, work, progress)
        }
        let file = try open(path, in: work)
        let layer = try unpack(file, path, in: work, progress: progress)
        if let archive = try ImageArchive(folder: work.file("layers/\(layer.hex)/files"), path) {
            return try install(archive, as: reference, work, progress)
        }
        guard let reference else {
            throw Failure(.invalidArgument, "\(path) is a root filesystem, which brings no name; give the image one.")
        }
        var configuration = configuration
        configuration.created = Clock.now
        configuration.history = ["import \(path.split(separator: "/").last ?? "")"]
        if !configuration.environment.contains(where: { $0.hasPrefix("PATH=") }) {
            configuration.environment.insert(ImageConfiguration.defaultPath, at: 0)
        }
        let bytes = configuration.oci(layers: [layer]).serialized
        return [try install(work, configuration: bytes, layers: [.unpacked(layer)], names: [reference])]
    }

    /// Opens a file that a person named. What is no regular file, such as a pipe, is copied into `work` first: its beginning is
    /// read twice.
    private func open(_ path: String, in work: Workspace) throws(Failure) -> OwnedDescriptor {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("open", path, errno) }
        let source = OwnedDescriptor(descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Failure("stat", path, errno) }
        if status.st_mode & S_IFMT == S_IFREG { return source }
        let copy = try Files.open(work.file("input"), O_RDWR | O_CREAT | O_EXCL)
        let stream = ByteStream(source.rawValue, path, limit: limits.layerBytes)
        while try stream.passSome({ (piece: UnsafeRawBufferPointer) throws(Failure) in
            try Files.write(piece, to: copy, path)
        }) {}
        return copy
    }

    /// Makes an image of a root filesystem's tar; see ``importImages(_:name:configuration:progress:)``.
    package func importRootFilesystem(
        _ path: String, name: String, configuration: ImageConfiguration = ImageConfiguration()
    ) throws(Failure) -> Image {
        guard let image = try importImages(path, name: name, configuration: configuration).first else {
            throw Failure(.invalidArgument, "\(path) holds no image.")
        }
        return image
    }

    private func install(
        _ archive: ImageArchive, as reference: ImageReference?, _ work: Workspace,
        _ progress: @escaping (Int64) throws(Failure) -> Void
    ) throws(Failure) -> [Image] {
        let found = try archive.images(limits)
        guard reference == nil || found.count == 1 else {
            throw Failure(
                .invalidArgument, "\(archive.subject) holds \(found.count) images, which one name cannot lead to.")
        }
        var images: [Image] = []
        for member in found {
            let (_, expected) = try Self.parse(configuration: member.configuration, archive.subject)
            guard expected.count == member.layers.count else {
                throw Failure(.invalidArgument, "\(archive.subject): an image's configuration does not fit its layers.")
            }
            var layers: [LayerSource] = []
            for (digest, file) in zip(expected, member.layers) {
                if try claim(digest, for: work) {
                    layers.append(.present(digest))
                    continue
                }
                let tar = try archive.open(file)
                let unpacked = try unpack(tar, "\(archive.subject): \(file)", in: work, progress: progress)
                guard unpacked == digest else {
                    throw Failure(
                        .invalidArgument,
                        "\(archive.subject): the layer \(file) is \(unpacked), but should be \(digest); it is damaged.")
                }
                layers.append(.unpacked(digest))
            }
            let names = reference.map { [$0] } ?? member.names
            images.append(
                try install(work, configuration: member.configuration, layers: layers, names: names))
        }
        return images
    }
}
