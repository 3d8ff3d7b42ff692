package import GEM
import Glibc
import Transport

/// The images of a machine, in a folder that several processes may use at once.
///
///     layers/DIGEST/files/     the files of a layer as overlayfs wants them, by the digest of the layer's tar
///     layers/DIGEST/layer.json how much that is, and under which digest registries know it
///     images/DIGEST            an image's OCI configuration, byte for byte; its time is when it was last used
///     names.json               which name leads to which image
///     leases/HOLDER            the image that a sandbox uses
///     temporary/               work in progress
///
/// Everything appears by a rename, whole; what a crash leaves is in `temporary`, which the next store to be opened clears.
/// Calls block on the disk: make them where that harms nobody.
package final class ImageStore: Sendable {
    package let folder: String
    package let limits: ImageLimits
    let lock: StoreLock

    /// Opens the store in `folder`, which is made where there is none, and clears what crashes left.
    ///
    /// - Throws: ``Failure`` that names the file that cannot be made or read.
    package init(folder: String, limits: ImageLimits = ImageLimits()) throws(Failure) {
        self.folder = folder
        self.limits = limits
        lock = StoreLock(path: folder + "/lock")
        try Files.makeFolder(folder, mode: 0o711)
        for name in ["layers", "images", "leases", "temporary"] {
            try Files.makeFolder("\(folder)/\(name)", mode: 0o711)
        }
        try lock.held { () throws(Failure) in try Workspace.removeAbandoned(in: temporary) }
    }

    var temporary: String { folder + "/temporary" }
    func imagePath(_ digest: Digest) -> String { "\(folder)/images/\(digest.hex)" }
    func layerPath(_ digest: Digest) -> String { "\(folder)/layers/\(digest.hex)" }

    // MARK: Looking up

    /// The image that `name` stands for: a name, a digest, or at least the first twelve digits of one. `nil` for none.
    ///
    /// - Throws: ``Failure`` for what can be no image's name, or a damaged store.
    package func resolve(_ name: String) throws(Failure) -> Image? {
        let index = try NameIndex(folder)
        guard let digest = try find(name, among: index), var image = try image(digest) else { return nil }
        image.names = index.names(of: digest)
        return image
    }

    /// Every image, those used last first.
    package func images() throws(Failure) -> [Image] {
        let index = try NameIndex(folder)
        var images: [Image] = []
        for hex in try Files.names(in: folder + "/images") {
            guard let digest = Digest(hex: hex), var image = try image(digest) else { continue }
            image.names = index.names(of: digest)
            images.append(image)
        }
        return images.sorted { ($0.lastUsed, $0.digest) > ($1.lastUsed, $1.digest) }
    }

    /// The image's configuration, byte for byte as its digest was made of it.
    package func configuration(of image: Image) throws(Failure) -> [UInt8]? {
        guard let digest = Digest(image.digest) else { return nil }
        return try Files.read(imagePath(digest), limit: limits.documentBytes)
    }

    func find(_ name: String, among index: NameIndex) throws(Failure) -> Digest? {
        if let digest = Digest(name) { return digest }
        if let digest = index.digest(of: try? ImageReference(name).description) { return digest }
        let isID = 12...64 ~= name.utf8.count && name.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }
        guard isID else {
            _ = try ImageReference(name)
            return nil
        }
        let fits = try Files.names(in: folder + "/images").filter { $0.hasPrefix(name) }
        guard fits.count < 2 else {
            throw Failure(.invalidArgument, "\(name) begins the digests of \(fits.count) images; write more of it.")
        }
        return fits.first.flatMap { Digest(hex: $0) }
    }

    /// The image of this digest; `nil` where there is none, or somebody just removes it.
    func image(_ digest: Digest) throws(Failure) -> Image? {
        let path = imagePath(digest)
        guard let bytes = try Files.read(path, limit: limits.documentBytes) else { return nil }
        let (json, layers) = try Self.parse(configuration: bytes, path)
        var status = stat()
        stat(path, &status)
        var size: Int64 = 0
        for layer in Set(layers) { size += try LayerRecord(layerPath(layer))?.bytes ?? 0 }
        var image = Image(
            digest: digest.description, layers: Self.distinct(layers).map { layerPath($0) + "/files" },
            configuration: ImageConfiguration(oci: json), size: size, layerDigests: layers)
        image.lastUsed = Int64(status.st_mtim.tv_sec)
        return image
    }

    /// The layers from the topmost down. One that occurs twice counts where it is higher: overlayfs refuses a folder twice, and
    /// whatever the lower one shows, the higher one shows as well.
    static func distinct(_ layers: [Digest]) -> [Digest] {
        var seen: Set<Digest> = []
        return layers.reversed().filter { seen.insert($0).inserted }
    }

    /// An image configuration and its layers, the lowest first.
    static func parse(configuration bytes: [UInt8], _ subject: String) throws(Failure) -> (JSON, [Digest]) {
        let json: JSON
        do {
            json = try JSON(parsing: bytes.span)
        } catch {
            throw Failure(.invalidArgument, "\(subject) is no image configuration: \(error).")
        }
        let texts = json["rootfs"]?["diff_ids"]?.array ?? []
        let layers = texts.compactMap { $0.string.flatMap { Digest($0) } }
        guard layers.count == texts.count, !layers.isEmpty else {
            throw Failure(.invalidArgument, "\(subject) is no image configuration: it names no layers by SHA-256.")
        }
        return (json, layers)
    }
}
