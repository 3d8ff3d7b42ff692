package import GEM
import Glibc

// Who uses what. A lease is a file, so it outlives the process that took it, as sandboxes do.
extension ImageStore {
    /// Resolves `name` and keeps the image from being removed until ``release(_:)``, in one step.
    ///
    /// - Parameters:
    ///   - name: As for ``resolve(_:)``.
    ///   - holder: A sandbox's id, or another name of letters, digits, `.`, `_` and `-`. What it held before it holds no more.
    /// - Returns: The image; `nil` for none of that name.
    /// - Throws: ``Failure`` for what can be no name or holder, or a store that cannot be written.
    package func lease(_ name: String, to holder: String) throws(Failure) -> Image? {
        let path = try leasePath(holder)
        return try lock.held { () throws(Failure) in
            let index = try NameIndex(folder)
            guard let digest = try find(name, among: index), var image = try image(digest) else { return nil }
            image.names = index.names(of: digest)
            try Files.replace(path, with: Array("\(digest)\n".utf8))
            _ = utimensat(AT_FDCWD, imagePath(digest), nil, 0)  // without it the image only looks less used
            return image
        }
    }

    /// Ends the lease of `holder`; that there is none is no failure.
    package func release(_ holder: String) throws(Failure) {
        let path = try leasePath(holder)
        guard unlink(path) == 0 || errno == ENOENT else { throw Failure("unlink", path, errno) }
    }

    /// Who holds a lease: for finding those whose sandboxes are gone.
    package func holders() throws(Failure) -> [String] {
        try Files.names(in: folder + "/leases").filter { !$0.hasSuffix(".draft") }
    }

    /// The images that are held.
    func leased() throws(Failure) -> Set<Digest> {
        var held: Set<Digest> = []
        for holder in try holders() {
            guard let bytes = try Files.read("\(folder)/leases/\(holder)", limit: 4096) else { continue }
            if let digest = Digest(bytes.text.prefix { $0 != "\n" }) { held.insert(digest) }
        }
        return held
    }

    private func leasePath(_ holder: String) throws(Failure) -> String {
        let isAllowed = { (byte: UInt8) in
            0x61...0x7A ~= byte | 0x20 || 0x30...0x39 ~= byte || [0x2D, 0x2E, 0x5F].contains(byte)
        }
        guard 1...200 ~= holder.utf8.count, !holder.hasPrefix("."), !holder.hasSuffix(".draft"),
            holder.utf8.allSatisfy(isAllowed)
        else { throw Failure(.invalidArgument, "'\(holder)' cannot hold an image: write letters, digits and '-'.") }
        return "\(folder)/leases/\(holder)"
    }
}
