import CImages
package import GEM
import Glibc
import Transport

/// A layer that an image is put together from.
enum LayerSource: Equatable {
    /// It is in the store; and claimed, so that it stays there until the image is.
    case present(Digest)
    /// It was unpacked in the workspace.
    case unpacked(Digest)

    var digest: Digest {
        switch self {
        case .present(let digest), .unpacked(let digest): digest
        }
    }
}

extension ImageStore {
    // MARK: From folders

    /// Makes an image of another one and a layer on top: what a sandbox wrote, or what a command of a build did.
    ///
    /// - Parameters:
    ///   - upper: An overlay's upper folder: whiteouts and opaque folders mean what they mean to overlayfs. Nothing may
    ///     write to it meanwhile. Mount with `redirect_dir=off,metacopy=off`, or folders and files miss what is below.
    ///   - base: The image below; `nil` for a root filesystem of its own.
    ///   - ownerBase: What to subtract from owners: the first outside id of a user namespace's range, or 0.
    ///   - configuration: Of the new image.
    ///   - name: Leads to it from now on; `nil` for none.
    /// - Returns: The new image.
    /// - Throws: ``Failure``; then the store is as before.
    package func add(
        layer upper: String, over base: Image?, ownerBase: UInt32 = 0, configuration: ImageConfiguration, name: String?
    ) throws(Failure) -> Image {
        let work = try beginWork()
        defer { work.end() }
        let reference: ImageReference? = if let name { try ImageReference(name) } else { nil }
        var layers: [LayerSource] = []
        for digest in base?.layerDigests ?? [] {
            guard try claim(digest, for: work) else {
                throw Failure(.infraFailed, "The image \(base?.digest ?? "") was removed meanwhile; pull it again.")
            }
            layers.append(.present(digest))
        }
        let tar = work.file("layer.tar")
        _ = try LayerArchiver.write(folder: upper, to: tar, ownerBase: ownerBase)
        let file = try Files.open(tar, O_RDONLY)
        layers.append(.unpacked(try unpack(file, upper, in: work)))
        unlink(tar)
        var configuration = configuration
        configuration.created = Clock.now
        let bytes = configuration.oci(layers: layers.map(\.digest)).serialized
        return try install(work, configuration: bytes, layers: layers, names: reference.map { [$0] } ?? [])
    }

    // MARK: Steps

    /// A place to work in; it goes with the value.
    func beginWork() throws(Failure) -> Workspace {
        try lock.held { () throws(Failure) in try Workspace(in: temporary) }
    }

    /// Whether the store has a layer; then it stays there as long as `work` does.
    func claim(_ digest: Digest, for work: Workspace) throws(Failure) -> Bool {
        try lock.held { () throws(Failure) in
            guard Files.exists(layerPath(digest)) else { return false }
            _ = try Files.open(work.file("claims/\(digest.hex)"), O_WRONLY | O_CREAT)
            return true
        }
    }

    /// Puts a layer that was unpacked in `work` into the store ahead of its image, and claims it.
    func publish(_ digest: Digest, from work: Workspace) throws(Failure) {
        try lock.held { () throws(Failure) in
            _ = try Files.open(work.file("claims/\(digest.hex)"), O_WRONLY | O_CREAT)
            guard !Files.exists(layerPath(digest)) else { return }
            let place = work.file("layers/\(digest.hex)")
            guard rename(place, layerPath(digest)) == 0 else { throw Failure("rename", place, errno) }
        }
    }

    /// Unpacks a tar, compressed or not, into `work`.
    ///
    /// - Parameters:
    ///   - tar: A regular file, read from its beginning.
    ///   - subject: What it is, for errors.
    ///   - work: Where the files go until ``install(_:configuration:layers:names:)``.
    ///   - progress: Told how many bytes were unpacked so far; throws to stop.
    /// - Returns: The digest of the tar without its compression.
    /// - Throws: ``Failure``; what was unpacked so far goes with `work`.
    func unpack(
        _ tar: borrowing OwnedDescriptor, _ subject: String, in work: Workspace,
        progress: @escaping (Int64) throws(Failure) -> Void = { (_: Int64) throws(Failure) in }
    ) throws(Failure) -> Digest {
        var template = Array(work.file("unpacked-XXXXXX").utf8).cString
        guard mkdtemp(&template) != nil else { throw Failure("mkdtemp", work.path, errno) }
        let draft = template.name
        try Files.makeFolder(draft + "/files")
        let root = try Files.open(draft + "/files", O_RDONLY | O_DIRECTORY)
        // The mask must not take away what the tar says.
        guard fchmod(root.rawValue, 0o755) == 0 else { throw Failure("chmod", draft, errno) }
        let source = try Decompression(of: tar, subject)
        let stream = ByteStream(source.output, subject, limit: limits.layerBytes)
        stream.heard = progress
        var reader = TarReader(stream, subject, entryLimit: limits.layerEntries)
        let extractor = LayerExtractor(into: root.rawValue, subject)
        do {
            try extractor.extract(&reader)
        } catch {
            source.abandon()
            throw error
        }
        try source.finish()
        let digest = stream.digest()
        try LayerRecord(bytes: extractor.bytes, entries: extractor.entries).save(draft)
        let place = work.file("layers/\(digest.hex)")
        if rename(draft, place) != 0 {
            // An image may hold the same layer twice.
            guard errno == ENOTEMPTY || errno == EEXIST else { throw Failure("rename", place, errno) }
            try TreeRemoval.remove(draft)
        }
        return digest
    }

    /// Puts an image into the store whose layers are all there or in `work`.
    ///
    /// - Parameters:
    ///   - work: Where the unpacked layers are.
    ///   - configuration: The image's, byte for byte.
    ///   - layers: The lowest first.
    ///   - names: Lead to it from now on.
    /// - Returns: The image.
    /// - Throws: ``Failure`` where the layers are not those of the configuration, or the disk fails.
    func install(
        _ work: Workspace, configuration: [UInt8], layers: [LayerSource], names: [ImageReference]
    ) throws(Failure) -> Image {
        let digest = Digest(of: configuration)
        let (_, expected) = try Self.parse(configuration: configuration, "The image")
        guard expected == layers.map(\.digest) else {
            throw Failure(.invalidArgument, "The image's layers are not those that its configuration names.")
        }
        guard layers.count <= limits.layers else {
            throw Failure(.tooLarge, "The image has \(layers.count) layers, and \(limits.layers) are the limit.")
        }
        if layers.contains(where: { if case .unpacked = $0 { true } else { false } }) {
            // A layer counts as whole from its rename on, and the rename may reach the disk before the files do.
            let folder = try Files.open(work.path, O_RDONLY | O_DIRECTORY)
            try Failure.check(rock_image_sync(folder.rawValue), "syncfs", work.path)
        }
        return try lock.held { () throws(Failure) in
            for layer in layers {
                guard case .unpacked(let digest) = layer, !Files.exists(layerPath(digest)) else { continue }
                let place = work.file("layers/\(digest.hex)")
                guard rename(place, layerPath(digest)) == 0 else { throw Failure("rename", place, errno) }
            }
            try Files.replace(imagePath(digest), with: configuration)
            if !names.isEmpty {
                var index = try NameIndex(folder)
                for name in names { index.set(name.description, to: digest) }
                try index.save()
            }
            guard var image = try image(digest) else {
                throw Failure(.infraFailed, "The image \(digest) vanished from \(folder) while it was added.")
            }
            image.names = try NameIndex(folder).names(of: digest)
            return image
        }
    }
}
