import CLinux
import Glibc
package import Transport

/// New contents for a file, written beside it, which take its place all at once. Dropped without ``commit()``, it leaves
/// nothing behind.
///
/// What is not a regular file (a device, a pipe) is written in place, and so is a file that is a mount point.
package final class Replacement: @unchecked Sendable {
    // Safety of @unchecked: `isOver` changes in `commit` and `discard` only, which its one owner calls one after the other;
    // everything else is constant.

    /// Who may do what with the file; what is `nil` stays as the present file has it.
    package struct Access: Sendable, Equatable {
        /// Permission bits; 0644 for a new file.
        package var mode: UInt32?
        /// The rocklet's own for a new file.
        package var user: UInt32?
        package var group: UInt32?

        package init(mode: UInt32? = nil, user: UInt32? = nil, group: UInt32? = nil) {
            self.mode = mode
            self.user = user
            self.group = group
        }
    }

    /// Where to write, from the beginning; write-only.
    package let file: OpenFile
    private let path: String
    private let target: Place
    /// The name under which the file waits; `nil` where it is written in place.
    private let waiting: String?
    private var isOver = false

    /// - Parameters:
    ///   - path: The file to be made or replaced. A link to a file stands for that file.
    ///   - tree: Where it is looked up.
    ///   - access: Permissions and owner.
    ///   - makesParents: Whether missing folders on the way are made.
    /// - Throws: ``RockletException``; `IsADirectoryError` where a folder is in the place.
    package init(
        _ path: String, in tree: FileTree, access: Access = Access(), makesParents: Bool = true
    ) throws(RockletException) {
        self.path = path
        var present: stat?
        var real = path
        if let found = try tree.find(path) {
            let status = try FileTree.status(of: found, path)
            guard status.st_mode & S_IFMT != S_IFDIR else { throw RockletException(errno: EISDIR, path) }
            present = status
            real = tree.path(of: found) ?? path
        }
        target = try tree.place(of: real, makesParents: makesParents)
        if let present, present.st_mode & S_IFMT != S_IFREG {
            waiting = nil
            file = try tree.open(path, O_WRONLY | O_NONBLOCK)
            return
        }
        let name = Self.randomName()
        let descriptor = rock_open_below(
            target.folder.rawValue, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600, 0)
        if descriptor < 0, present != nil, [-EROFS, -EACCES, -EPERM].contains(descriptor) {
            // Nothing can be made in the folder, yet the file itself may be writable.
            waiting = nil
            file = try tree.open(path, O_WRONLY | O_TRUNC)
            return
        }
        guard descriptor >= 0 else { throw RockletException(errno: -descriptor, path) }
        file = OpenFile(OwnedDescriptor(descriptor))
        waiting = name
        do throws(RockletException) {
            try Self.apply(access, over: present, to: descriptor, path)
        } catch {
            unlinkat(target.folder.rawValue, name, 0)
            throw error
        }
    }

    deinit { discard() }

    /// Removes what has been written, unless it has taken its place.
    package func discard() {
        if !isOver, let waiting { unlinkat(target.folder.rawValue, waiting, 0) }
        isOver = true
    }

    private static func apply(
        _ access: Access, over present: stat?, to descriptor: Int32, _ path: String
    ) throws(RockletException) {
        let user = access.user ?? present?.st_uid
        let group = access.group ?? present?.st_gid
        if user != nil || group != nil {
            guard fchown(descriptor, user ?? .max, group ?? .max) == 0 else {
                throw RockletException(errno: errno, path)
            }
        }
        // After the owner: a change of owner takes set-user-id bits away.
        let mode = access.mode ?? present.map { $0.st_mode & 0o7777 } ?? 0o644
        guard fchmod(descriptor, mode & 0o7777) == 0 else { throw RockletException(errno: errno, path) }
    }

    /// Puts the file in its place.
    ///
    /// - Returns: Its size in bytes.
    /// - Throws: ``RockletException``; the present file is then untouched.
    @discardableResult
    package func commit() throws(RockletException) -> Int {
        let size = try FileTree.status(of: file, path).st_size
        guard !isOver, let waiting else { return size }
        let folder = target.folder.rawValue
        if renameat(folder, waiting, folder, target.name) != 0 {
            guard errno == EBUSY else { throw RockletException(errno: errno, path) }
            try copyOver(waiting)
            unlinkat(folder, waiting, 0)
        }
        isOver = true
        return size
    }

    /// Nothing can take the place of a mount point: its contents are overwritten instead.
    private func copyOver(_ waiting: String) throws(RockletException) {
        let folder = target.folder.rawValue
        let from = rock_open_below(folder, waiting, O_RDONLY | O_NOFOLLOW, 0, 0)
        guard from >= 0 else { throw RockletException(errno: -from, path) }
        let source = OwnedDescriptor(from)
        let to = rock_open_below(folder, target.name, O_WRONLY | O_TRUNC | O_NOFOLLOW, 0, 0)
        guard to >= 0 else { throw RockletException(errno: -to, path) }
        let sink = OwnedDescriptor(to)
        var offset: Int64 = 0
        while true {
            let count = rock_sendfile(sink.rawValue, source.rawValue, &offset, 1 << 20)
            guard count >= 0 else { throw RockletException(errno: Int32(-count), path) }
            if count == 0 { return }
        }
    }

    private static func randomName() -> String {
        ".rock-" + String(UInt64.random(in: .min ... .max), radix: 16)
    }
}
