import CLinux
import Glibc
import Transport

/// The files below one folder, which no path leaves: not by `..`, not by a symbolic link, not in a race with somebody
/// who moves folders about meanwhile. Every call blocks.
package struct FileTree: Sendable {
    /// Opened for look-ups only.
    private let root: OpenFile
    /// The root's own path, which the kernel puts in front of every name it tells; empty for `/`.
    private let prefix: String
    /// Where paths begin that do not begin with `/`.
    private let workingFolder: String

    /// - Parameters:
    ///   - path: The folder that is `/` to every call.
    ///   - workingFolder: Where relative paths begin, as seen inside.
    /// - Throws: ``RockletException`` when there is no such folder.
    package init(root path: String = "/", workingFolder: String = "/") throws(RockletException) {
        let descriptor = Glibc.open(path, rock_o_path() | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw RockletException(errno: errno, path) }
        root = OpenFile(OwnedDescriptor(descriptor))
        let name = Self.pathInKernel(descriptor) ?? path
        prefix = name == "/" ? "" : name
        self.workingFolder = workingFolder
    }

    // MARK: Look-ups

    /// Opens what is at `path`.
    ///
    /// - Parameters:
    ///   - path: As seen inside.
    ///   - flags: Of open(2); close-on-exec comes on top.
    ///   - mode: For a file that is made.
    /// - Returns: What was opened.
    /// - Throws: ``RockletException`` named after the kernel's reason.
    func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(RockletException) -> OpenFile {
        let absolute = try absolute(path)
        // With O_PATH the kernel refuses flags that would mean nothing.
        let all = flags & rock_o_path() == 0 ? flags | O_NOCTTY : flags
        let result = rock_open_below(
            root.rawValue, absolute, all, mode, UInt64(ROCK_RESOLVE_IN_ROOT))
        guard result >= 0 else { throw RockletException(errno: -result, path) }
        return OpenFile(OwnedDescriptor(result))
    }

    /// Opens what is at `path` for look-ups, links followed; `nil` when nothing is there.
    func find(_ path: String) throws(RockletException) -> OpenFile? {
        let result = rock_open_below(
            root.rawValue, try absolute(path), rock_o_path(), 0, UInt64(ROCK_RESOLVE_IN_ROOT))
        if result == -ENOENT { return nil }
        guard result >= 0 else { throw RockletException(errno: -result, path) }
        return OpenFile(OwnedDescriptor(result))
    }

    /// Opens the folder in which `path` names something, without following what it names.
    ///
    /// - Parameters:
    ///   - path: As seen inside.
    ///   - makesParents: Whether folders that are missing on the way are made.
    /// - Returns: The folder and the name in it.
    /// - Throws: ``RockletException``; `IsADirectoryError` where the path cannot name anything but a folder.
    func place(of path: String, makesParents: Bool = false) throws(RockletException) -> Place {
        let absolute = try absolute(path)
        let bytes = Array(absolute.utf8)
        let slash = bytes.lastIndex(of: 0x2F) ?? 0
        let name = String(decoding: bytes[(slash + 1)...], as: UTF8.self)
        guard !name.isEmpty, name != ".", name != ".." else { throw RockletException(errno: EISDIR, path) }
        let parent = slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
        if makesParents { try makeFolder(parent, makesParents: true, mayExist: true) }
        let folder = try open(parent, rock_o_path() | O_DIRECTORY)
        return Place(folder: folder, name: name, path: path)
    }

    /// Makes a folder of mode 0755.
    ///
    /// - Parameters:
    ///   - path: As seen inside.
    ///   - makesParents: Whether folders that are missing on the way are made, too.
    ///   - mayExist: Whether one that is there already will do.
    ///   - mode: Permissions.
    /// - Throws: ``RockletException``.
    func makeFolder(
        _ path: String, makesParents: Bool, mayExist: Bool, mode: UInt32 = 0o755
    ) throws(RockletException) {
        if let found = try find(path) {
            guard mayExist else { throw RockletException(errno: EEXIST, path) }
            guard try Self.status(of: found, path).st_mode & S_IFMT == S_IFDIR else {
                throw RockletException(errno: ENOTDIR, path)
            }
            return
        }
        // Every component is looked up from the root again, so that each step obeys the same walls.
        var made = ""
        var parts = try absolute(path).split(separator: "/", omittingEmptySubsequences: true)
        if parts.popLast() == nil { return }
        if makesParents {
            for part in parts {
                made += "/" + part
                if try find(made) == nil { try makeOne(made, mayExist: true, mode: 0o755) }
            }
        }
        try makeOne(path, mayExist: mayExist, mode: mode)
    }

    private func makeOne(_ path: String, mayExist: Bool, mode: UInt32) throws(RockletException) {
        var trimmed = try absolute(path)
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        let place = try place(of: trimmed)
        // Somebody else may have made it meanwhile.
        guard mkdirat(place.folder.rawValue, place.name, mode) == 0 || (errno == EEXIST && mayExist) else {
            throw RockletException(errno: errno, path)
        }
    }

    /// The path from the root with every link resolved of what an open file is; `nil` where the kernel does not say.
    func path(of file: OpenFile) -> String? {
        guard let name = Self.pathInKernel(file.rawValue), name.hasPrefix(prefix) else { return nil }
        let rest = name.dropFirst(prefix.count)
        return rest.isEmpty ? "/" : rest.hasPrefix("/") ? String(rest) : nil
    }

    static func status(of file: OpenFile, _ path: String) throws(RockletException) -> stat {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw RockletException(errno: errno, path) }
        return status
    }

    // MARK: Paths

    private func absolute(_ path: String) throws(RockletException) -> String {
        guard !path.utf8.contains(0) else { throw RockletException(.value, "embedded null byte") }
        guard !path.isEmpty else { throw RockletException(errno: ENOENT, path) }
        if path.utf8.first == 0x2F { return path }
        return workingFolder.hasSuffix("/") ? workingFolder + path : workingFolder + "/" + path
    }

    private static func pathInKernel(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return 0 }
            return readlink("/proc/self/fd/\(descriptor)", base.assumingMemoryBound(to: CChar.self), raw.count)
        }
        guard count > 0, count < buffer.count else { return nil }
        // A name that has been removed is told with a remark, and a name that is no UTF-8 cannot be told as a String.
        let name = String(validating: buffer[..<count], as: UTF8.self)
        return name?.hasSuffix(" (deleted)") == true ? nil : name
    }
}

/// A name in a folder: where something is or can be put.
struct Place: Sendable {
    /// Opened for look-ups only.
    let folder: OpenFile
    /// One component.
    let name: String
    /// What the caller called it.
    let path: String
}
