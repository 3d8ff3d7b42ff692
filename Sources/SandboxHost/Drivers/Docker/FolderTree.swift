import Glibc

/// A folder with everything below it, of which nothing is trusted: neither its depth nor its links.
enum FolderTree {
    /// Folders deeper than this are moved up before they are removed, so that no depth exhausts stack or descriptors.
    private static let deepest = 32

    /// Removes it. Returns 0, also where there is none, or the first error's number.
    static func remove(_ path: String) -> Int32 {
        // A name that nobody could have taken in advance.
        let prefix = "moved-\(SandboxID.random())-"
        var moved = 0
        while true {
            let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard folder >= 0 else {
                guard errno != ENOENT else { return 0 }
                return unlink(path) == 0 || errno == ENOENT ? 0 : errno
            }
            let before = moved
            let error = empty(folder, top: folder, depth: 0, prefix, &moved)
            close(folder)
            if error != 0 { return error }
            if moved == before { return rmdir(path) == 0 || errno == ENOENT ? 0 : errno }
        }
    }

    private static func empty(_ folder: Int32, top: Int32, depth: Int, _ prefix: String, _ moved: inout Int) -> Int32 {
        let copy = fcntl(folder, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0, let stream = fdopendir(copy) else { return errno }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in bytes.prefix { $0 != 0 } + [0] }
                .map(CChar.init(bitPattern:))
            if name == [46, 0] || name == [46, 46, 0] { continue }
            if unlinkat(folder, name, 0) == 0 || errno == ENOENT { continue }
            guard errno == EISDIR || errno == EPERM else { return errno }
            if depth == deepest {
                moved += 1
                guard renameat(folder, name, top, prefix + String(moved)) == 0 else { return errno }
                continue
            }
            let inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard inner >= 0 else { return errno }
            let error = empty(inner, top: top, depth: depth + 1, prefix, &moved)
            close(inner)
            if error != 0 { return error }
            if unlinkat(folder, name, AT_REMOVEDIR) != 0 && errno != ENOENT { return errno }
        }
        return 0
    }
}
