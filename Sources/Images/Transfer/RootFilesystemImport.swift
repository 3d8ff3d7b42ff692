package import GEM
import Glibc
import Transport

extension ImageStore {
    /// Makes an image of a root filesystem's tar, compressed or not.
    ///
    /// - Parameters:
    ///   - path: The tar.
    ///   - name: Leads to the image from now on.
    ///   - configuration: How programs are started in it; with the usual search path where it sets none.
    ///   - progress: Told the bytes unpacked so far; throws to stop.
    /// - Returns: The image.
    /// - Throws: ``Failure``; then the store is as before.
    package func importRootFilesystem(
        _ path: String, name: String, configuration: ImageConfiguration = ImageConfiguration(),
        progress: @escaping (Int64) throws(Failure) -> Void = { (_: Int64) throws(Failure) in }
    ) throws(Failure) -> Image {
        let reference = try ImageReference(name)
        let work = try beginWork()
        let file = try Files.open(path, O_RDONLY)
        let layer = try unpack(file, path, in: work, progress: progress)
        var configuration = configuration
        configuration.created = Clock.now
        configuration.history = ["import \(path.split(separator: "/").last ?? "")"]
        if !configuration.environment.contains(where: { $0.hasPrefix("PATH=") }) {
            configuration.environment.insert(ImageConfiguration.defaultPath, at: 0)
        }
        return try install(
            work, configuration: configuration.oci(layers: [layer]).serialized, layers: [.unpacked(layer)],
            names: [reference])
    }
}
