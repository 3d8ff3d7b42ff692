import CImages
import GEM
import Glibc
import Transport

/// Images in a folder: an OCI layout, or what `docker save` writes. The folder may be anybody's.
final class ImageArchive {
    /// What it is, for errors.
    let subject: String
    private let root: OwnedDescriptor

    /// An image in the archive.
    struct Member {
        let configuration: [UInt8]
        /// The layers' files in the archive, the lowest first.
        let layers: [String]
        let names: [ImageReference]
    }

    /// Opens the archive in `folder`; `nil` where it is none.
    init?(folder: String, _ subject: String) throws(Failure) {
        self.subject = subject
        root = try Files.open(folder, O_RDONLY | O_DIRECTORY)
        let isLayout = Files.exists(folder + "/index.json") && Files.exists(folder + "/oci-layout")
        guard isLayout || Files.exists(folder + "/manifest.json"), !Files.exists(folder + "/usr") else { return nil }
    }

    /// Opens a file of the archive. Links in it lead nowhere else.
    func open(_ path: String) throws(Failure) -> OwnedDescriptor {
        let result = rock_image_open_in_root(root.rawValue, path, O_RDONLY | O_NONBLOCK, 0)
        guard result >= 0 else {
            throw Failure(.invalidArgument, "\(subject) holds no \(path), though it says it does; it is incomplete.")
        }
        let file = OwnedDescriptor(result)
        var status = stat()
        guard fstat(result, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.invalidArgument, "\(subject): \(path) is no file.")
        }
        return file
    }

    /// The images.
    func images(_ limits: ImageLimits) throws(Failure) -> [Member] {
        let hasList = faccessat(root.rawValue, "manifest.json", F_OK, 0) == 0
        return hasList ? try saved(limits) : try layout(limits)
    }

    private func read(_ path: String, _ limits: ImageLimits) throws(Failure) -> [UInt8] {
        try Files.read(try open(path), "\(subject): \(path)", limit: limits.documentBytes)
    }

    private func json(_ path: String, _ limits: ImageLimits) throws(Failure) -> JSON {
        let bytes = try read(path, limits)
        do {
            return try JSON(parsing: bytes.span)
        } catch {
            throw Failure(.invalidArgument, "\(subject): \(path) is no JSON: \(error).")
        }
    }

    /// What `docker save` lists in manifest.json.
    private func saved(_ limits: ImageLimits) throws(Failure) -> [Member] {
        guard let entries = try json("manifest.json", limits).array, !entries.isEmpty else {
            throw Failure(.invalidArgument, "\(subject) lists no images.")
        }
        var members: [Member] = []
        for entry in entries {
            guard let configuration = entry["Config"]?.string, let layers = entry["Layers"]?.array else {
                throw Failure(
                    .invalidArgument, "\(subject): manifest.json lists an image without configuration or layers.")
            }
            var names: [ImageReference] = []
            for name in entry["RepoTags"]?.array ?? [] {
                if let text = name.string { names.append(try ImageReference(text)) }
            }
            members.append(
                Member(
                    configuration: try read(configuration, limits), layers: layers.compactMap(\.string), names: names))
        }
        return members
    }

    /// What an OCI layout lists in index.json.
    private func layout(_ limits: ImageLimits) throws(Failure) -> [Member] {
        let entries = try json("index.json", limits)["manifests"]?.array ?? []
        var members: [Member] = []
        for entry in entries {
            guard let descriptor = Descriptor(entry) else { continue }
            guard let (configuration, layers) = try resolve(descriptor, limits, depth: 0) else { continue }
            let annotations = entry["annotations"]
            let name =
                annotations?["io.containerd.image.name"]?.string
                ?? annotations?["org.opencontainers.image.ref.name"]?.string
            // A bare tag is a name too, but of nothing.
            let reference = name.flatMap { $0.contains(":") ? try? ImageReference($0) : nil }
            members.append(
                Member(
                    configuration: try blob(configuration, limits), layers: layers.map { path(of: $0.digest) },
                    names: reference.map { [$0] } ?? []))
        }
        guard !members.isEmpty else {
            throw Failure(
                .invalidArgument, "\(subject) holds no image for linux/\(ImageConfiguration.thisArchitecture).")
        }
        return members
    }

    /// The parts of the image that a manifest or an index describes; `nil` where it is for other machines only.
    private func resolve(
        _ descriptor: Descriptor, _ limits: ImageLimits, depth: Int
    ) throws(Failure) -> (configuration: Descriptor, layers: [Descriptor])? {
        switch try Manifest(try blob(descriptor, limits), subject) {
        case .image(let configuration, let layers): return (configuration, layers)
        case .list(let manifests):
            guard depth < 4, let first = manifests.first else { return nil }
            return try resolve(first, limits, depth: depth + 1)
        }
    }

    /// A document's bytes, which are those of its digest.
    private func blob(_ descriptor: Descriptor, _ limits: ImageLimits) throws(Failure) -> [UInt8] {
        let bytes = try read(path(of: descriptor.digest), limits)
        guard Digest(of: bytes) == descriptor.digest else {
            throw Failure(.invalidArgument, "\(subject): the blob \(descriptor.digest) is damaged.")
        }
        return bytes
    }

    private func path(of digest: Digest) -> String { "blobs/sha256/\(digest.hex)" }
}
