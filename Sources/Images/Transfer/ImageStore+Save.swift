import CImages
package import GEM
import Glibc
import Tar
import Transport

extension ImageStore {
    /// Writes an image to a new tar that is an OCI layout, and that `docker load` and `podman load` read as well.
    ///
    /// - Parameters:
    ///   - name: The image, by any of its names.
    ///   - path: The tar; must not exist.
    /// - Returns: The digest of the image's configuration in the tar. It is another than the image's own where a layer was
    ///   made by another program, for layers are packed anew.
    /// - Throws: ``Failure``; then there is no tar.
    package func save(_ name: String, to path: String) throws(Failure) -> String {
        let work = try beginWork()
        defer { work.end() }
        guard let image = try resolve(name), let original = try configuration(of: image) else { throw unknown(name) }
        let references = try NameIndex(folder).names(of: Digest(image.digest) ?? Digest(of: []))
        let file = try Files.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
        do throws(Failure) {
            let writer = TarWriter(file, path)
            return try save(image, original, references, work, writer)
        } catch {
            unlink(path)
            throw error
        }
    }

    private func save(
        _ image: Image, _ original: [UInt8], _ names: [String], _ work: Workspace, _ writer: TarWriter
    ) throws(Failure) -> String {
        var layers: [Descriptor] = []
        for layer in image.layerDigests {
            guard try claim(layer, for: work) else { throw unknown(image.digest) }
            let tar = work.file("\(layer.hex).tar")
            let digest = try LayerArchiver.write(folder: layerPath(layer) + "/files", to: tar)
            defer { unlink(tar) }
            let content = try Files.open(tar, O_RDONLY)
            var entry = TarEntry(path: Array("blobs/sha256/\(digest.hex)".utf8))
            entry.size = Int64(lseek(content.rawValue, 0, SEEK_END))
            lseek(content.rawValue, 0, SEEK_SET)
            if !layers.contains(where: { $0.digest == digest }) {
                try writer.begin(entry)
                try ByteStream(content.rawValue, tar, limit: .max).pass(entry.size) {
                    (piece: UnsafeRawBufferPointer) throws(Failure) in try writer.content(piece)
                }
                try writer.endContent(entry.size)
            }
            layers.append(Descriptor(mediaType: MediaType.layer, digest: digest, size: entry.size))
        }
        let configuration = try Self.configuration(original, over: layers.map(\.digest))
        let descriptor = Descriptor(
            mediaType: MediaType.configuration, digest: Digest(of: configuration), size: Int64(configuration.count))
        let manifest = Manifest.json(configuration: descriptor, layers: layers).serialized
        let manifestDigest = Digest(of: manifest)
        try writer.add("blobs/sha256/\(descriptor.digest.hex)", configuration)
        try writer.add("blobs/sha256/\(manifestDigest.hex)", manifest)
        let entry = Descriptor(mediaType: MediaType.manifest, digest: manifestDigest, size: Int64(manifest.count))
        let entries = (names.isEmpty ? [nil] : names.map { Optional($0) }).map { name -> JSON in
            guard var object = entry.json.object, let name, let whole = try? ImageReference(name).description else {
                return entry.json
            }
            object["annotations"] = ["io.containerd.image.name": .string(whole)]
            return .object(object)
        }
        let index: JSON = ["schemaVersion": 2, "mediaType": .string(MediaType.index), "manifests": .array(entries)]
        try writer.add("index.json", index.serialized)
        try writer.add("oci-layout", JSON.object(["imageLayoutVersion": "1.0.0"]).serialized)
        let blob = { (digest: Digest) in JSON.string("blobs/sha256/\(digest.hex)") }
        let list: JSON = [
            [
                "Config": blob(descriptor.digest), "RepoTags": .array(names.map(JSON.string)),
                "Layers": .array(layers.map { blob($0.digest) }),
            ]
        ]
        try writer.add("manifest.json", list.serialized)
        _ = try writer.finish()
        return "\(descriptor.digest)"
    }
}
