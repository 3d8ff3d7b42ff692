import CLinux
import GEM
import Glibc
import Tar
import Transport

/// Makes a folder or file into an archive, a piece at a time. Each call blocks.
///
/// Names come in the order of their bytes; links are kept as links; devices and sockets are left out, and so is what is
/// mounted below.
package final class Archiver: @unchecked Sendable {
    // Safety of @unchecked: one call at a time, each awaited by the request that owns this.

    /// About how many bytes one piece has.
    private static let pieceSize = 256 * 1024

    private let path: String
    private let tree: FileTree
    /// Where names are looked up, and what stands in front of them in the archive.
    private let base: OpenFile
    private let prefix: [UInt8]
    /// What is to come, the next one last: names relative to the base.
    private var waiting: [[UInt8]]
    private var current: (file: OpenFile, left: Int64, size: Int64)?
    private var hasEnded = false

    /// - Throws: ``RockletException`` where nothing is at `path`.
    package init(_ path: String, in tree: FileTree) throws(RockletException) {
        self.path = path
        self.tree = tree
        guard let found = try tree.find(path) else { throw RockletException(errno: ENOENT, path) }
        let status = try FileTree.status(of: found, path)
        // With every link resolved, so that a link to a folder stands for that folder.
        let real = tree.path(of: found) ?? path
        if status.st_mode & S_IFMT == S_IFDIR {
            base = found
            let name = path.split(separator: "/").last { $0 != "." }.map { Array($0.utf8) } ?? []
            prefix = name.isEmpty || name == [0x2E, 0x2E] ? [0x2E] : name
            waiting = [[]]
        } else {
            let place = try tree.place(of: real)
            base = place.folder
            prefix = []
            waiting = [Array(place.name.utf8)]
        }
    }

    /// - Returns: The next bytes of the archive; `nil` at its end.
    /// - Throws: ``RockletException`` where something cannot be read.
    package func next() throws(RockletException) -> [UInt8]? {
        if hasEnded { return nil }
        // The inside of a large file goes out as it is read.
        if let (file, left, size) = current, left > Int64(Self.pieceSize) {
            current = (file, left - Int64(Self.pieceSize), size)
            return try read(file, Self.pieceSize, at: size - left)
        }
        var piece: [UInt8] = []
        piece.reserveCapacity(Self.pieceSize + 4 * TarBlock.size)
        while piece.count < Self.pieceSize {
            if current != nil {
                try readContent(into: &piece)
            } else if let name = waiting.popLast() {
                try begin(name, &piece)
            } else {
                piece += [UInt8](repeating: 0, count: 2 * TarBlock.size)
                hasEnded = true
                break
            }
        }
        return piece
    }

    // MARK: Members

    private func begin(_ name: [UInt8], _ piece: inout [UInt8]) throws(RockletException) {
        guard let status = try status(of: name) else { return }  // gone meanwhile
        var entry = TarEntry(path: prefix.isEmpty ? name : name.isEmpty ? prefix : prefix + [0x2F] + name)
        entry.mode = status.mode
        entry.user = status.user
        entry.group = status.group
        entry.modified = status.modified
        switch status.kind {
        case .folder:
            entry.kind = .folder
            entry.path.append(0x2F)
            piece += entry.header
            try addNames(of: name)
        case .link:
            entry.kind = .symbolicLink
            entry.target = status.target
            piece += entry.header
        case .pipe:
            entry.kind = .fifo
            piece += entry.header
        case .file:
            guard let file = try open(name, O_RDONLY | O_NONBLOCK) else { return }
            // Its size now, for it may have grown since; what is missing of it in the end becomes zeros.
            let size = Int64(try FileTree.status(of: file, shown(name)).st_size)
            entry.size = size
            piece += entry.header
            if size > 0 { current = (file, size, size) }
        case .socket, .device, .other: break
        }
    }

    private func addNames(of name: [UInt8]) throws(RockletException) {
        guard let folder = try open(name, O_RDONLY | O_DIRECTORY) else { return }
        for child in try tree.names(in: folder, shown(name)).reversed() {
            waiting.append(name.isEmpty ? child : name + [0x2F] + child)
        }
    }

    private func readContent(into piece: inout [UInt8]) throws(RockletException) {
        guard let (file, left, size) = current else { return }
        let wanted = Int(min(left, Int64(max(Self.pieceSize - piece.count, 1))))
        piece += try read(file, wanted, at: size - left)
        if left > Int64(wanted) {
            current = (file, left - Int64(wanted), size)
        } else {
            piece += [UInt8](repeating: 0, count: Int(TarBlock.padded(size) - size))
            current = nil
        }
    }

    /// Reads `wanted` bytes, zeros in place of what the file has lost meanwhile.
    private func read(_ file: OpenFile, _ wanted: Int, at offset: Int64) throws(RockletException) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { room, count in
            while count < wanted {
                let got = pread(
                    file.rawValue, room.baseAddress.map { $0 + count }, wanted - count, off_t(offset) + count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                count += got
            }
            room[count..<wanted].initialize(repeating: 0)
            count = wanted
        }
        guard failure == 0 else { throw RockletException(errno: failure, path) }
        return bytes
    }

    // MARK: Look-ups

    /// Opens a name below the base, following nothing and going onto no other mount; `nil` where it is gone or another one's.
    private func open(_ name: [UInt8], _ flags: Int32) throws(RockletException) -> OpenFile? {
        let relative = (name.isEmpty ? [0x2E] : name).map { CChar(bitPattern: $0) } + [0]
        let walls = ROCK_RESOLVE_BENEATH | ROCK_RESOLVE_NO_SYMLINKS | ROCK_RESOLVE_NO_XDEV
        let result = rock_open_below(base.rawValue, relative, flags | O_NOFOLLOW, 0, UInt64(walls))
        switch result {
        case -ENOENT, -EXDEV, -ENOTDIR, -ELOOP: return nil
        case ..<0: throw RockletException(errno: -result, shown(name))
        default: return OpenFile(OwnedDescriptor(result))
        }
    }

    private func status(of name: [UInt8]) throws(RockletException) -> FileStatus? {
        if name.isEmpty { return FileStatus([], try FileTree.status(of: base, path)) }
        let slash = name.lastIndex(of: 0x2F)
        guard let folder = try open(Array(name[..<(slash ?? 0)]), rock_o_path() | O_DIRECTORY) else { return nil }
        return try FileTree.status(of: Array(name[(slash.map { $0 + 1 } ?? 0)...]), in: folder, shown(name))
    }

    private func shown(_ name: [UInt8]) -> String { path + "/" + String(decoding: name, as: UTF8.self) }
}
