import CImages
import GEM
import Glibc

/// Removes folders with everything in them, whoever made it up.
enum TreeRemoval {
    /// Removes `name` in the open folder `parent`: a file, a link, or a folder and everything below. Nothing there is fine.
    ///
    /// No link is followed.
    static func remove(_ name: [CChar], in parent: Int32) throws(Failure) {
        if unlinkat(parent, name, 0) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM || errno == ENOTEMPTY else { throw Failure("unlink", name.name, errno) }
        if unlinkat(parent, name, AT_REMOVEDIR) == 0 { return }
        guard errno == ENOTEMPTY || errno == EEXIST else { throw Failure("rmdir", name.name, errno) }
        try empty(name, in: parent)
        guard unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
            throw Failure("rmdir", name.name, errno)
        }
    }

    /// Removes the file or folder at `path`; see ``remove(_:in:)``.
    static func remove(_ path: String) throws(Failure) { try remove(Array(path.utf8).cString, in: AT_FDCWD) }

    private static func empty(_ name: [CChar], in parent: Int32) throws(Failure) {
        var result = rock_image_open(parent, name, O_RDONLY | O_DIRECTORY, 0)
        if result == -EACCES {  // an ordinary user's folder that he may not read
            guard fchmodat(parent, name, 0o700, 0) == 0 else { throw Failure("chmod", name.name, errno) }
            result = rock_image_open(parent, name, O_RDONLY | O_DIRECTORY, 0)
        }
        let folder = try Failure.check(result, "open", name.name)
        defer { close(folder) }
        guard fchmod(folder, 0o700) == 0 else { throw Failure("chmod", name.name, errno) }
        for child in try FolderListing.names(of: try copy(of: folder), name.name) { try remove(child, in: folder) }
    }

    private static func copy(of descriptor: Int32) throws(Failure) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw Failure("fcntl", "a folder", errno) }
        return copy
    }
}
