import GEM
import Glibc
import SandboxHost
import Transport

/// A manifest as it is kept: its text, and the folder that its paths are below.
struct StoredManifest: Sendable {
    let text: [UInt8]
    /// What to call it in errors.
    let name: String
    let folder: String?

    /// - Throws: ``Failure`` of kind `invalidArgument` that names file, line and key.
    func manifest() throws(Failure) -> EnvironmentManifest {
        try EnvironmentManifest(yaml: text, name: name, folder: folder)
    }
}

/// The folder of the data directory that keeps registered manifests, a file each.
struct ManifestFolder: Sendable {
    let path: String

    init(_ path: String) { self.path = path }

    /// Everything that is kept, sorted by name.
    func all(_ complain: @Sendable (String) -> Void) async -> [StoredManifest] {
        let read = { @Sendable [path] () -> [(name: String, text: [UInt8]?)] in
            guard let folder = opendir(path) else { return [] }
            defer { closedir(folder) }
            var names: [String] = []
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name.hasSuffix(".json") { names.append(name) }
            }
            return names.sorted().map { ($0, Self.contents(of: "\(path)/\($0)")) }
        }
        var stored: [StoredManifest] = []
        for (name, text) in (try? await BlockingPool.run(read)) ?? [] {
            guard let text, let json = try? JSON(parsing: text.span), let manifest = json["manifest"]?.string else {
                complain("\(path)/\(name) is no registered environment and was passed over.")
                continue
            }
            stored.append(
                StoredManifest(
                    text: Array(manifest.utf8), name: json["name"]?.string ?? name, folder: json["folder"]?.string))
        }
        return stored
    }

    /// Writes a manifest so that a crash leaves the old or the new one, whole.
    ///
    /// - Throws: ``Failure`` of kind `infraFailed` that says why not.
    func keep(_ stored: StoredManifest, as id: EnvironmentID) async throws(Failure) {
        var object: JSON.Object = [
            "manifest": .string(String(decoding: stored.text, as: UTF8.self)), "name": .string(stored.name),
        ]
        object["folder"] = stored.folder.map(JSON.string)
        let bytes = JSON.object(object).serialized
        try await changing { [path] in
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { return errno }
            let target = "\(path)/\(id).json"
            let new = target + ".new"
            let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            guard file >= 0 else { return errno }
            let isWritten =
                bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) == $0.count } && fsync(file) == 0
            let reason = isWritten ? 0 : errno
            close(file)
            guard isWritten else { return reason == 0 ? ENOSPC : reason }
            return rename(new, target) == 0 ? 0 : errno
        }
    }

    /// Removes what is kept for `id`.
    func forget(_ id: EnvironmentID) async throws(Failure) {
        try await changing { [path] in
            unlink("\(path)/\(id).json") == 0 || errno == ENOENT ? 0 : errno
        }
    }

    private func changing(_ body: @escaping @Sendable () -> Int32) async throws(Failure) {
        let reason: Int32
        do { reason = try await BlockingPool.run(body) } catch {
            throw Failure(.infraFailed, "No thread for blocking work: \(error).")
        }
        guard reason == 0 else {
            throw Failure(.infraFailed, "\(path) cannot be changed: \(String(cString: strerror(reason))).")
        }
    }

    /// Sees to it that what is to be mounted is there.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument`.
    static func checkFolders(of manifest: EnvironmentManifest) async throws(Failure) {
        let paths = [manifest.directory].compactMap(\.self) + manifest.mounts.map(\.source)
        let missing: String?
        do {
            missing = try await BlockingPool.run { paths.first { access($0, F_OK) != 0 } }
        } catch { throw Failure(.infraFailed, "No thread for blocking work: \(error).") }
        if let missing {
            throw Failure(.invalidArgument, "There is no \(missing) on the server's machine.")
        }
    }

    private static func contents(of path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        // Escaped, a manifest takes up to six times its room.
        var bytes = [UInt8](repeating: 0, count: 8 * EnvironmentManifest.byteLimit)
        var count = 0
        while count < bytes.count {
            let more = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress.map { $0 + count }, $0.count - count) }
            guard more > 0 else { break }
            count += more
        }
        return count < bytes.count ? Array(bytes[..<count]) : nil
    }
}
