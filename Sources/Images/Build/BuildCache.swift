import GEM
import Glibc

// Which layer a command of a build made, so that it need not be run again.
extension ImageStore {
    private var cache: String { folder + "/build-cache" }

    /// The layer that the step of this key made before, claimed; `nil` where it is not here any more.
    func cachedLayer(_ key: Digest, for work: Workspace) throws(Failure) -> Digest? {
        guard let bytes = try Files.read("\(cache)/\(key.hex)", limit: 4096), let digest = Digest(bytes.text) else {
            return nil
        }
        return try claim(digest, for: work) ? digest : nil
    }

    func remember(_ layer: Digest, as key: Digest) throws(Failure) {
        try Files.makeFolder(cache, mode: 0o700)
        try lock.held { () throws(Failure) in
            try Files.replace("\(cache)/\(key.hex)", with: Array(layer.description.utf8))
        }
    }

    /// Forgets the steps whose layers are gone; under the store's lock.
    func forgetSteps() throws(Failure) {
        for name in try Files.names(in: cache) {
            let path = "\(cache)/\(name)"
            if let text = try Files.read(path, limit: 4096)?.text, let digest = Digest(text),
                Files.exists(layerPath(digest))
            {
                continue
            }
            unlink(path)
        }
    }
}
