import GEM

/// What is known about a layer: the content of its `layer.json`.
struct LayerRecord: Equatable {
    /// Bytes of its files.
    var bytes: Int64
    var entries: Int
    /// How registries know it: compressed.
    var blobs: [Blob] = []

    /// A layer as a registry has it.
    struct Blob: Equatable {
        let digest: Digest
        let size: Int64
        let mediaType: String
        /// `REGISTRY/REPOSITORY` where it is known to be.
        let place: String
    }

    init(bytes: Int64, entries: Int) {
        self.bytes = bytes
        self.entries = entries
    }

    /// Reads the record of the layer in `folder`; `nil` where there is no such layer.
    init?(_ folder: String) throws(Failure) {
        guard let bytes = try Files.read(folder + "/layer.json") else { return nil }
        guard let json = try? JSON(parsing: bytes.span), let size = json["bytes"]?.int,
            let entries = json["entries"]?.int
        else { throw Failure(.infraFailed, "\(folder)/layer.json is damaged; remove the images that use the layer.") }
        self.init(bytes: Int64(size), entries: entries)
        for blob in json["blobs"]?.array ?? [] {
            guard let digest = blob["digest"]?.string.flatMap({ Digest($0) }), let size = blob["size"]?.int else {
                continue
            }
            blobs.append(
                Blob(
                    digest: digest, size: Int64(size), mediaType: blob["media_type"]?.string ?? "",
                    place: blob["place"]?.string ?? ""))
        }
    }

    /// Writes the record of the layer in `folder`.
    func save(_ folder: String) throws(Failure) {
        let json: JSON = [
            "bytes": .number(.init(Int(bytes))), "entries": .number(.init(entries)),
            "blobs": .array(
                blobs.map {
                    [
                        "digest": .string("\($0.digest)"), "size": .number(.init(Int($0.size))),
                        "media_type": .string($0.mediaType), "place": .string($0.place),
                    ]
                }),
        ]
        try Files.replace(folder + "/layer.json", with: json.serialized)
    }
}
