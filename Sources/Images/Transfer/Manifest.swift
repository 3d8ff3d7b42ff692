import GEM

/// A pointer to a blob: what it is, its digest and its size.
struct Descriptor: Equatable, Sendable {
    var mediaType: String
    let digest: Digest
    let size: Int64

    init(mediaType: String, digest: Digest, size: Int64) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
    }

    /// Fails unless `json` has a SHA-256 digest and a size.
    init?(_ json: JSON) {
        guard let digest = json["digest"]?.string.flatMap({ Digest($0) }), let size = json["size"]?.int, size >= 0
        else { return nil }
        self.init(mediaType: json["mediaType"]?.string ?? "", digest: digest, size: Int64(size))
    }

    var json: JSON {
        ["mediaType": .string(mediaType), "digest": .string("\(digest)"), "size": .number(.init(Int(size)))]
    }
}

/// The media types of images, OCI's and Docker's.
enum MediaType {
    static let index = "application/vnd.oci.image.index.v1+json"
    static let manifest = "application/vnd.oci.image.manifest.v1+json"
    static let configuration = "application/vnd.oci.image.config.v1+json"
    static let layer = "application/vnd.oci.image.layer.v1.tar"
    static let gzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip"
    static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

    /// What a manifest is asked for as.
    static let accepted = [index, manifest, dockerList, dockerManifest]
}

/// What a manifest says: either which manifest is for which platform, or an image's parts.
enum Manifest: Equatable {
    case list([Descriptor])
    case image(configuration: Descriptor, layers: [Descriptor])

    /// Reads a manifest or an index. Of an index, only what runs here is kept.
    ///
    /// - Throws: ``Failure`` that says what is missing, for `subject`.
    init(_ bytes: [UInt8], _ subject: String) throws(Failure) {
        let json: JSON
        do {
            json = try JSON(parsing: bytes.span)
        } catch {
            throw Failure(.invalidArgument, "The manifest of \(subject) is no JSON: \(error).")
        }
        if let entries = json["manifests"]?.array {
            let platforms = entries.compactMap { $0["platform"] }.map {
                "\($0["os"]?.string ?? "?")/\($0["architecture"]?.string ?? "?")"
            }
            let fitting = entries.filter { Self.runsHere($0["platform"]) }.compactMap { Descriptor($0) }
            guard !fitting.isEmpty else {
                throw Failure(
                    .invalidArgument,
                    "\(subject) has nothing for linux/\(ImageConfiguration.thisArchitecture), only \(platforms.sorted().joined(separator: ", "))."
                )
            }
            self = .list(fitting)
            return
        }
        guard let configuration = json["config"].flatMap({ Descriptor($0) }), let parts = json["layers"]?.array else {
            throw Failure(
                .invalidArgument,
                "\(subject) has a manifest of a kind Rock does not read (schema version \(json["schemaVersion"]?.int ?? 0)); push the image anew with a newer program."
            )
        }
        let layers = parts.compactMap { Descriptor($0) }
        guard layers.count == parts.count else {
            throw Failure(.invalidArgument, "The manifest of \(subject) names a layer without a SHA-256 digest.")
        }
        self = .image(configuration: configuration, layers: layers)
    }

    private static func runsHere(_ platform: JSON?) -> Bool {
        guard let platform else { return true }
        return platform["os"]?.string == "linux"
            && platform["architecture"]?.string == ImageConfiguration.thisArchitecture
    }

    /// The OCI manifest of an image.
    static func json(configuration: Descriptor, layers: [Descriptor]) -> JSON {
        [
            "schemaVersion": 2, "mediaType": .string(MediaType.manifest), "config": configuration.json,
            "layers": .array(layers.map(\.json)),
        ]
    }
}
