import CLinux
import GEM
import Glibc
import Transport

/// What is known about one name.
struct FileStatus: Sendable, Equatable {
    let name: [UInt8]
    let kind: Kind
    let size: Int64
    let mode: UInt32
    let user: UInt32
    let group: UInt32
    /// Seconds since 1970.
    let modified: Int64
    /// Where a symbolic link leads; empty for everything else.
    let target: [UInt8]

    enum Kind: String, Sendable { case file, folder, link, pipe, socket, device, other }

    init(_ name: [UInt8], _ status: stat, target: [UInt8] = []) {
        self.name = name
        self.target = target
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            case S_IFIFO: .pipe
            case S_IFSOCK: .socket
            case S_IFCHR, S_IFBLK: .device
            default: .other
            }
        size = Int64(status.st_size)
        mode = UInt32(status.st_mode & 0o7777)
        user = status.st_uid
        group = status.st_gid
        modified = Int64(status.st_mtim.tv_sec)
    }

    /// Writes its members; bytes of a name that are no UTF-8 are replaced.
    func write(to json: inout JSONWriter) {
        json.name("name")
        json.string(String(decoding: name, as: UTF8.self))
        json.name("type")
        json.string(kind.rawValue)
        json.name("size")
        json.integer(size)
        json.name("mode")
        json.integer(mode)
        json.name("uid")
        json.integer(user)
        json.name("gid")
        json.integer(group)
        json.name("mtime")
        json.integer(modified)
        if kind == .link {
            json.name("target")
            json.string(String(decoding: target, as: UTF8.self))
        }
    }
}

extension FileTree {
    /// How many names a folder may have to be listed.
    private static let nameLimit = 1_000_000

    /// What is known about `path`; with `follows`, about what a link there leads to.
    func status(_ path: String, follows: Bool) throws(RockletException) -> FileStatus {
        if follows {
            guard let file = try find(path) else { throw RockletException(errno: ENOENT, path) }
            return FileStatus(Array(path.utf8), try Self.status(of: file, path))
        }
        guard let place = try? place(of: path) else { return try status(path, follows: true) }
        guard let status = try Self.status(of: Array(place.name.utf8), in: place.folder, path) else {
            throw RockletException(errno: ENOENT, path)
        }
        return status
    }

    /// What is known about a name in a folder; `nil` when it is gone.
    static func status(
        of name: [UInt8], in folder: OpenFile, _ path: String
    ) throws(RockletException) -> FileStatus? {
        var status = stat()
        let terminated = name.map { CChar(bitPattern: $0) } + [0]
        guard fstatat(folder.rawValue, terminated, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return nil }
            throw RockletException(errno: errno, path)
        }
        guard status.st_mode & S_IFMT == S_IFLNK else { return FileStatus(name, status) }
        return FileStatus(name, status, target: linkTarget(terminated, in: folder))
    }

    private static func linkTarget(_ name: [CChar], in folder: OpenFile) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return 0 }
            return readlinkat(folder.rawValue, name, base.assumingMemoryBound(to: CChar.self), raw.count)
        }
        return count > 0 ? Array(buffer[..<count]) : []
    }

    /// The names in a folder, in the order of their bytes.
    ///
    /// - Throws: ``RockletException``; `OSError` (27) for a folder of more names than anybody lists.
    func names(in folder: OpenFile, _ path: String) throws(RockletException) -> [[UInt8]] {
        // Look-up descriptors cannot be read from.
        let readable = rock_open_below(folder.rawValue, ".", O_RDONLY | O_DIRECTORY, 0, 0)
        guard readable >= 0 else { throw RockletException(errno: -readable, path) }
        guard let stream = fdopendir(readable) else {
            close(readable)
            throw RockletException(errno: errno, path)
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [0x2E] || name == [0x2E, 0x2E] { continue }
            names.append(name)
            guard names.count <= Self.nameLimit else { throw RockletException(errno: EFBIG, path) }
        }
        guard errno == 0 else { throw RockletException(errno: errno, path) }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// A page of a folder.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - after: The last name of the page before; empty for the first.
    ///   - limit: Entries at most.
    /// - Returns: The entries, and whether more follow.
    /// - Throws: ``RockletException``.
    func list(
        _ path: String, after: String, limit: Int
    ) throws(RockletException) -> (entries: [FileStatus], hasMore: Bool) {
        let folder = try open(path, rock_o_path() | O_DIRECTORY)
        let last = Array(after.utf8)
        let rest = try names(in: folder, path).drop { !last.lexicographicallyPrecedes($0) }
        var entries: [FileStatus] = []
        for name in rest.prefix(limit) {
            if let status = try Self.status(of: name, in: folder, path) { entries.append(status) }
        }
        return (entries, rest.count > limit)
    }
}
