import CImages
import GEM
import Glibc
import Tar
import Transport

/// Makes a folder into a layer's tar: what overlayfs marks as removed becomes what the OCI calls whiteouts. The same files
/// always give the same bytes.
struct LayerArchiver {
    private let writer: TarWriter
    private let ownerBase: UInt32
    /// Where the first name of a file with several was put.
    private var linked: [FileID: [UInt8]] = [:]

    private struct FileID: Hashable {
        let device: UInt
        let number: UInt
    }

    /// Writes the tar of `folder` to the new file `path`.
    ///
    /// - Returns: The tar's digest.
    static func write(folder: String, to path: String, ownerBase: UInt32 = 0) throws(Failure) -> Digest {
        let file = try Files.open(path, O_WRONLY | O_CREAT | O_EXCL)
        var archiver = LayerArchiver(
            writer: TarWriter(OwnedDescriptor(try duplicate(file.rawValue)), path), ownerBase: ownerBase)
        let root = try Failure.check(rock_image_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0), "open", folder)
        defer { close(root) }
        try archiver.add(folder: root, path: [])
        return try archiver.writer.finish()
    }

    private init(writer: TarWriter, ownerBase: UInt32) {
        self.writer = writer
        self.ownerBase = ownerBase
    }

    private static func duplicate(_ descriptor: Int32) throws(Failure) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw Failure("fcntl", "a descriptor", errno) }
        return copy
    }

    /// Adds an open folder and everything below; `path` is empty for the root, and ends in a slash otherwise.
    private mutating func add(folder: Int32, path: [UInt8]) throws(Failure) {
        var status = stat()
        guard fstat(folder, &status) == 0 else { throw Failure("stat", path.text, errno) }
        var entry = entry(path.isEmpty ? Array("./".utf8) : path, status)
        entry.kind = .folder
        entry.attributes = attributes(of: folder)
        try writer.begin(entry)
        if isOpaque(folder) { try writer.begin(TarEntry(path: path + Whiteout.opaque)) }
        for name in try FolderListing.names(of: try Self.duplicate(folder), path.text) {
            try add(name, in: folder, path: path + name.dropLast().map(UInt8.init(bitPattern:)))
        }
    }

    private mutating func add(_ name: [CChar], in folder: Int32, path: [UInt8]) throws(Failure) {
        var status = stat()
        guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw Failure("stat", path.text, errno) }
        var entry = entry(path, status)
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            let child = try Failure.check(
                rock_image_open(folder, name, O_RDONLY | O_DIRECTORY, 0), "open", path.text)
            defer { close(child) }
            try add(folder: child, path: path + [0x2F])
        case S_IFLNK:
            var target = [CChar](repeating: 0, count: 4097)
            let count = readlinkat(folder, name, &target, 4096)
            guard count >= 0 else { throw Failure("readlink", path.text, errno) }
            entry.kind = .symbolicLink
            entry.target = target.prefix(count).map(UInt8.init(bitPattern:))
            try writer.begin(entry)
        case S_IFREG: try add(file: name, in: folder, entry, status)
        case S_IFIFO:
            entry.kind = .fifo
            try writer.begin(entry)
        case S_IFCHR where status.st_rdev == 0:
            let last = path.lastIndex(of: 0x2F).map { $0 + 1 } ?? 0
            try writer.begin(TarEntry(path: path[..<last] + Whiteout.prefix + path[last...]))
        default: break  // sockets and devices are no part of an image
        }
    }

    private mutating func add(
        file name: [CChar], in folder: Int32, _ entry: TarEntry, _ status: stat
    ) throws(Failure) {
        var entry = entry
        let id = FileID(device: UInt(status.st_dev), number: UInt(status.st_ino))
        if status.st_nlink > 1 {
            if let first = linked[id] {
                entry.kind = .hardLink
                entry.target = first
                return try writer.begin(entry)
            }
            linked[id] = entry.path
        }
        let file = OwnedDescriptor(
            try Failure.check(rock_image_open(folder, name, O_RDONLY, 0), "open", entry.path.text))
        entry.size = Int64(status.st_size)
        entry.attributes = attributes(of: file.rawValue)
        try writer.begin(entry)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { buffer.deallocate() }
        var left = entry.size
        while left > 0 {
            let count = read(file.rawValue, buffer.baseAddress, Int(min(left, Int64(buffer.count))))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw Failure("read", "\(entry.path.text), which became shorter meanwhile", count < 0 ? errno : EIO)
            }
            try writer.content(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            left -= Int64(count)
        }
        try writer.endContent(entry.size)
    }

    private func entry(_ path: [UInt8], _ status: stat) -> TarEntry {
        var entry = TarEntry(path: path)
        entry.mode = status.st_mode & 0o7777
        entry.user = status.st_uid >= ownerBase ? status.st_uid - ownerBase : 0
        entry.group = status.st_gid >= ownerBase ? status.st_gid - ownerBase : 0
        entry.modified = Int64(status.st_mtim.tv_sec)
        return entry
    }

    private func isOpaque(_ folder: Int32) -> Bool {
        [Overlay.opaque, Overlay.opaqueForUsers].contains { name in
            var value: UInt8 = 0
            return rock_image_get_attribute(folder, name, &value, 1) == 1 && value == UInt8(ascii: "y")
        }
    }

    private func attributes(of descriptor: Int32) -> [(name: String, value: [UInt8])] {
        var names = [CChar](repeating: 0, count: 1 << 16)
        let count = rock_image_list_attributes(descriptor, &names, names.count)
        guard count > 0 else { return [] }
        return names.prefix(Int(count)).split(separator: 0).compactMap { bytes in
            let name = (Array(bytes) + [0]).name
            guard Overlay.isHarmless(attribute: name) else { return nil }
            var value = [UInt8](repeating: 0, count: 1 << 16)
            let size = rock_image_get_attribute(descriptor, name, &value, value.count)
            return size < 0 ? nil : (name, Array(value.prefix(Int(size))))
        }
    }
}
