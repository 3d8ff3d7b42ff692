import CImages
package import GEM
import Glibc
import Transport

/// What a registry has now.
package struct PushedImage: Sendable, Equatable {
    /// The whole name.
    package let name: String
    /// The manifest's digest.
    package let digest: String
}

extension ImageStore {
    /// Sends an image to the registry that its name begins with.
    ///
    /// Layers that the registry has are not sent again. A layer that came from elsewhere is packed anew, which gives it another
    /// digest than it had there.
    ///
    /// - Parameters:
    ///   - image: The image, by any of its names.
    ///   - name: Where to; `nil` for `image` itself.
    ///   - registries: How registries are spoken to.
    ///   - login: Who asks; `nil` asks anonymously.
    ///   - progress: Told how far it is.
    /// - Returns: The name and the digest by which everybody can pull it.
    /// - Throws: ``Failure`` whose message begins `Failed to push image NAME.`.
    package func push(
        _ image: String, as name: String? = nil, to registries: RegistryConfiguration, login: RegistryLogin? = nil,
        progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
    ) async throws(Failure) -> PushedImage {
        do {
            let reference = try ImageReference(name ?? image)
            guard let server = registries.servers(of: reference.registry).last else {
                throw Failure(.invalidArgument, "No registry is configured for it.")
            }
            let client = RepositoryClient(server, reference.repository, login: login, actions: "pull,push")
            return try await withTaskCancellationHandler {
                try await transferPool.run {
                    try self.push(image, reference, client, ProgressMeter(progress))
                }
            } onCancel: {
                client.cancel()
            }
        } catch {
            let cause = failure(error)
            throw Failure(cause.kind, "Failed to push image \(name ?? image). \(cause.message)")
        }
    }

    private func push(
        _ name: String, _ reference: ImageReference, _ client: RepositoryClient, _ meter: ProgressMeter
    ) throws(Failure) -> PushedImage {
        let work = try beginWork()
        defer { work.end() }
        guard let image = try resolve(name), let original = try configuration(of: image) else { throw unknown(name) }
        meter.change { $0.layers = image.layerDigests.count }
        var digests: [Digest] = []
        var blobs: [Descriptor] = []
        for layer in image.layerDigests {
            guard try claim(layer, for: work) else { throw unknown(name) }
            let (digest, blob) = try send(layer, client, work, meter)
            digests.append(digest)
            blobs.append(blob)
            meter.change { $0.layersDone += 1 }
        }
        let bytes = try Self.configuration(original, over: digests)
        let configuration = Descriptor(
            mediaType: MediaType.configuration, digest: Digest(of: bytes), size: Int64(bytes.count))
        let draft = work.file("configuration")
        try Files.replace(draft, with: bytes)
        try upload(draft, configuration, client)
        let manifest = Manifest.json(configuration: configuration, layers: blobs).serialized
        let path = work.file("manifest")
        try Files.replace(path, with: manifest)
        var put = client.transfer(
            "PUT", "manifests/\(reference.tag ?? "latest")", headers: ["Content-Type: \(MediaType.manifest)"])
        put.upload = path
        let answer = try client.send(put)
        guard 200..<300 ~= answer.status else { throw refused("the manifest", answer, client) }
        return PushedImage(name: reference.name, digest: "\(Digest(of: manifest))")
    }

    /// The configuration with the layers as they are sent; byte for byte the same where they are the same.
    static func configuration(_ bytes: [UInt8], over layers: [Digest]) throws(Failure) -> [UInt8] {
        let (json, before) = try parse(configuration: bytes, "The image")
        guard before != layers, var object = json.object else { return bytes }
        object["rootfs"] = ["type": "layers", "diff_ids": .array(layers.map { .string("\($0)") })]
        return JSON.object(object).serialized
    }

    /// Has the registry have a layer; returns the digest of its tar, and how the registry knows it.
    private func send(
        _ layer: Digest, _ client: RepositoryClient, _ work: Workspace, _ meter: ProgressMeter
    ) throws(Failure) -> (Digest, Descriptor) {
        guard var record = try LayerRecord(layerPath(layer)) else {
            throw Failure(.infraFailed, "The layer \(layer) vanished; pull the image again.")
        }
        for blob in record.blobs where try isThere(blob, client) {
            let mediaType = blob.mediaType.contains("zstd") ? MediaType.layer + "+zstd" : MediaType.gzipLayer
            return (layer, Descriptor(mediaType: mediaType, digest: blob.digest, size: blob.size))
        }
        let tar = work.file("\(layer.hex).tar")
        let digest = try LayerArchiver.write(folder: layerPath(layer) + "/files", to: tar)
        let packed = tar + ".gz"
        defer { for path in [tar, packed] { unlink(path) } }
        let (blob, size) = try compress(tar, to: packed)
        let descriptor = Descriptor(mediaType: MediaType.gzipLayer, digest: blob, size: size)
        meter.change { $0.bytes += size }
        try upload(packed, descriptor, client)
        meter.change { $0.bytesDone += size }
        if digest == layer {
            record.blobs.append(
                .init(
                    digest: blob, size: size, mediaType: MediaType.gzipLayer,
                    place: "\(client.server.host)/\(client.repository)"))
            let updated = record
            try lock.held { () throws(Failure) in try updated.save(layerPath(layer)) }
        }
        return (digest, descriptor)
    }

    /// Whether the repository has a blob, or can take it over from another one of the same registry.
    private func isThere(_ blob: LayerRecord.Blob, _ client: RepositoryClient) throws(Failure) -> Bool {
        if try client.send(client.transfer("HEAD", "blobs/\(blob.digest)")).status == 200 { return true }
        let host = client.server.host + "/"
        guard blob.place.hasPrefix(host) else { return false }
        let from = Challenge.encoded(String(blob.place.dropFirst(host.count)))
        return try client.send(client.transfer("POST", "blobs/uploads/?mount=\(blob.digest)&from=\(from)")).status
            == 201
    }

    private func compress(_ path: String, to packed: String) throws(Failure) -> (Digest, Int64) {
        let input = try Files.open(path, O_RDONLY)
        let output = try Files.open(packed, O_RDWR | O_CREAT | O_EXCL)
        // Without the name and the time, the same tar always gives the same blob.
        let program = try Program(
            ["gzip", "--stdout", "--no-name", "--fast"], input: input.rawValue, output: output.rawValue)
        let (status, complaint) = program.wait()
        guard status == 0, lseek(output.rawValue, 0, SEEK_SET) == 0 else {
            throw Failure(.infraFailed, "gzip failed: \(complaint).")
        }
        let stream = ByteStream(output.rawValue, packed, limit: .max)
        try stream.drain()
        return (stream.digest(), stream.count)
    }

    private func upload(_ path: String, _ blob: Descriptor, _ client: RepositoryClient) throws(Failure) {
        if try client.send(client.transfer("HEAD", "blobs/\(blob.digest)")).status == 200 { return }
        let start = try client.send(client.transfer("POST", "blobs/uploads/"))
        guard start.status == 202, let location = start.headers["location"] else {
            throw refused("an upload", start, client)
        }
        let place = location.hasPrefix("/") ? client.server.url + location : location
        // The place is the registry's to choose, but who asks is told to the registry only.
        guard place.hasPrefix(client.server.url + "/") else {
            throw Failure(.infraFailed, "\(client.server.host) wants uploads sent elsewhere: \(place.prefix(200)).")
        }
        var put = Transfer(
            place + (place.contains("?") ? "&" : "?") + "digest=\(blob.digest)", isSecure: client.server.isSecure)
        put.method = "PUT"
        put.headers = ["Content-Type: application/octet-stream"]
        put.upload = path
        let answer = try client.send(put)
        guard answer.status == 201 else { throw refused("a blob", answer, client) }
    }

    private func refused(_ what: String, _ answer: Transfer.Answer, _ client: RepositoryClient) -> Failure {
        Failure(
            answer.status < 500 ? .invalidArgument : .infraFailed,
            "\(client.server.host) does not take \(what) (status \(answer.status))\(answer.complaint).")
    }
}
