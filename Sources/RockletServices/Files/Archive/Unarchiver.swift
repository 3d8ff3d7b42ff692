import CLinux
import GEM
import Glibc
import Tar
import Transport

/// Unpacks an archive into a folder, as its bytes arrive. Each call blocks.
///
/// The archive is nobody's friend: a name that begins with `/` or holds `..` is refused, and so is one that a link, of the
/// archive or of anybody else, would lead out of the folder, devices, and whatever is no file, folder, link or pipe.
package final class Unarchiver: @unchecked Sendable {
    // Safety of @unchecked: one call at a time, each awaited by the request that owns this.

    private static let entryLimit = 10_000_000
    /// Folders that get their own time back in the end; of more, the rest keep the time of the unpacking.
    private static let folderTimeLimit = 100_000

    private let path: String
    private let folder: OpenFile
    /// How far a name may lead. In the root itself, absolute links lead where they always do.
    private let walls: UInt64
    private let keepsOwners: Bool
    private let dropsFirstName: Bool
    private var parser: TarParser
    private var current: (file: OpenFile, entry: TarEntry, offset: Int64)?
    private var folderTimes: [(name: [UInt8], modified: Int64)] = []
    /// Members unpacked so far.
    package private(set) var entries = 0
    /// Bytes of their contents.
    package private(set) var bytes: Int64 = 0

    /// - Parameters:
    ///   - path: The folder, as seen in the tree.
    ///   - tree: Where it is.
    ///   - keepsOwners: Whether members belong to whom the archive says; else to whoever unpacks them.
    ///   - dropsFirstName: Whether names lose their first component, so that what one folder held goes into another.
    /// - Throws: ``RockletException`` where there is no such folder.
    package init(
        into path: String, in tree: FileTree, keepsOwners: Bool, dropsFirstName: Bool = false
    ) throws(RockletException) {
        self.path = path
        self.keepsOwners = keepsOwners
        self.dropsFirstName = dropsFirstName
        folder = try tree.open(path, rock_o_path() | O_DIRECTORY)
        let isRoot = tree.path(of: folder) == "/"
        walls = UInt64((isRoot ? ROCK_RESOLVE_IN_ROOT : ROCK_RESOLVE_BENEATH) | ROCK_RESOLVE_NO_MAGICLINKS)
        parser = TarParser("The archive", entryLimit: Self.entryLimit)
    }

    /// Unpacks what is complete of `bytes`.
    ///
    /// - Returns: How many of them are done with.
    /// - Throws: `Failure` for an archive that is malformed or hostile; ``RockletException`` for what the kernel refuses.
    package func take(_ bytes: UnsafeRawBufferPointer, isLast: Bool) throws -> Int {
        var position = 0
        while true {
            switch try parser.next(bytes, from: &position) {
            case .entry(let entry): try begin(entry)
            case .data(let range): try write(UnsafeRawBufferPointer(rebasing: bytes[range]))
            case .endOfEntry: try finishFile()
            case .end:
                if isLast { finish() }
                return bytes.count
            case .needsMore:
                guard isLast else { return position }
                guard parser.mayEnd, position == bytes.count else {
                    throw Failure(
                        .invalidArgument, "The archive ends in the middle; what came before it has been unpacked.")
                }
                finish()
                return position
            }
        }
    }

    // MARK: Members

    private func begin(_ entry: TarEntry) throws {
        let parts = try parts(of: entry.path, entry)
        guard let last = parts.last else {
            // The folder itself stays as it is.
            guard entry.kind == .folder else { throw refused(entry, "it would replace the folder itself") }
            return
        }
        entries += 1
        let parent = try open(parts.dropLast(), entry)
        let name = last.map { CChar(bitPattern: $0) } + [0]
        switch entry.kind {
        case .folder: try makeFolder(name, in: parent, entry, parts)
        case .file: try makeFile(name, in: parent, entry)
        case .symbolicLink:
            try clear(name, in: parent, entry)
            let target = entry.target.map { CChar(bitPattern: $0) } + [0]
            guard !entry.target.isEmpty, !entry.target.contains(0) else { throw refused(entry, "it links to nothing") }
            guard symlinkat(target, parent.rawValue, name) == 0 else { throw failed(entry) }
            try own(name, in: parent, entry)
        case .hardLink: try makeHardLink(name, in: parent, entry)
        case .fifo:
            try clear(name, in: parent, entry)
            guard mkfifoat(parent.rawValue, name, entry.mode & 0o777) == 0 else { throw failed(entry) }
            try own(name, in: parent, entry)
        case .device: throw refused(entry, "it is a device")
        case .other(let type): throw refused(entry, "its type '\(Character(UnicodeScalar(type)))' is not known here")
        }
    }

    /// The components of a name, `.` left out.
    private func parts(of name: [UInt8], _ entry: TarEntry) throws -> [ArraySlice<UInt8>] {
        guard name.first != 0x2F else { throw refused(entry, "its name begins with a slash") }
        guard !name.contains(0) else { throw refused(entry, "its name holds a zero byte") }
        let parts = name.split(separator: 0x2F).dropFirst(dropsFirstName ? 1 : 0).filter { $0 != [0x2E] }
        guard !parts.contains([0x2E, 0x2E]) else { throw refused(entry, "its name holds '..'") }
        return parts
    }

    /// The folder that a member goes into, made where the archive does not mention it.
    private func open(_ parts: ArraySlice<ArraySlice<UInt8>>, _ entry: TarEntry) throws -> OpenFile {
        if parts.isEmpty { return folder }
        if let found = try openFolder(Array(parts.joined(separator: [0x2F])), entry) { return found }
        var above = folder
        var name: [UInt8] = []
        for part in parts {
            let component = part.map { CChar(bitPattern: $0) } + [0]
            name += name.isEmpty ? Array(part) : [0x2F] + part
            guard mkdirat(above.rawValue, component, 0o755) == 0 || errno == EEXIST else { throw failed(entry) }
            guard let next = try openFolder(name, entry) else { throw RockletException(errno: ENOTDIR, shown(entry)) }
            above = next
        }
        return above
    }

    private func openFolder(_ name: [UInt8], _ entry: TarEntry) throws -> OpenFile? {
        let path = name.map { CChar(bitPattern: $0) } + [0]
        let result = rock_open_below(folder.rawValue, path, rock_o_path() | O_DIRECTORY, 0, walls)
        switch result {
        case -ENOENT: return nil
        case -EXDEV, -ELOOP: throw refused(entry, "a link on its way leads out of the folder")
        case ..<0: throw RockletException(errno: -result, shown(entry))
        default: return OpenFile(OwnedDescriptor(result))
        }
    }

    private func makeFolder(
        _ name: [CChar], in parent: OpenFile, _ entry: TarEntry, _ parts: [ArraySlice<UInt8>]
    ) throws {
        let path = Array(parts.joined(separator: [0x2F]))
        if mkdirat(parent.rawValue, name, 0o700) != 0 {
            guard errno == EEXIST else { throw failed(entry) }
            var status = stat()
            guard fstatat(parent.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw failed(entry) }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: break
            // A link that has stood for a folder goes on doing so.
            case S_IFLNK: if try openFolder(path, entry) != nil { return }
            default: break
            }
            if status.st_mode & S_IFMT != S_IFDIR {
                guard unlinkat(parent.rawValue, name, 0) == 0, mkdirat(parent.rawValue, name, 0o700) == 0 else {
                    throw failed(entry)
                }
            }
        }
        let opened = rock_open_below(parent.rawValue, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, 0)
        guard opened >= 0 else { throw RockletException(errno: -opened, shown(entry)) }
        try setAccess(OpenFile(OwnedDescriptor(opened)), entry)
        if folderTimes.count < Self.folderTimeLimit { folderTimes.append((path, entry.modified)) }
    }

    private func makeFile(_ name: [CChar], in parent: OpenFile, _ entry: TarEntry) throws {
        try clear(name, in: parent, entry)
        let opened = rock_open_below(parent.rawValue, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600, 0)
        guard opened >= 0 else { throw RockletException(errno: -opened, shown(entry)) }
        current = (OpenFile(OwnedDescriptor(opened)), entry, 0)
    }

    private func write(_ piece: UnsafeRawBufferPointer) throws {
        guard let (file, entry, offset) = current else { return }
        let result = rock_write_all(file.rawValue, piece.baseAddress, piece.count)
        guard result == 0 else { throw RockletException(errno: -result, shown(entry)) }
        current?.offset = offset + Int64(piece.count)
        bytes += Int64(piece.count)
    }

    private func finishFile() throws {
        guard let (file, entry, _) = current.take() else { return }
        try setAccess(file, entry)
        let time = timespec(tv_sec: Int(entry.modified), tv_nsec: 0)
        _ = futimens(file.rawValue, [time, time])  // a time the file system cannot hold is no reason to refuse the file
    }

    private func makeHardLink(_ name: [CChar], in parent: OpenFile, _ entry: TarEntry) throws {
        let target = try parts(of: entry.target, entry)
        guard let last = target.last else { throw refused(entry, "it links to nothing") }
        let source = try open(target.dropLast(), entry)
        let old = last.map { CChar(bitPattern: $0) } + [0]
        var (one, other) = (stat(), stat())
        if fstatat(source.rawValue, old, &one, AT_SYMLINK_NOFOLLOW) == 0,
            fstatat(parent.rawValue, name, &other, AT_SYMLINK_NOFOLLOW) == 0, one.st_ino == other.st_ino,
            one.st_dev == other.st_dev
        {
            return
        }
        try clear(name, in: parent, entry)
        guard linkat(source.rawValue, old, parent.rawValue, name, 0) == 0 else { throw failed(entry) }
    }

    /// Makes room: what stands there goes, but no folder.
    private func clear(_ name: [CChar], in parent: OpenFile, _ entry: TarEntry) throws {
        guard unlinkat(parent.rawValue, name, 0) == 0 || errno == ENOENT else { throw failed(entry) }
    }

    // MARK: Owners, permissions, times

    private func setAccess(_ file: OpenFile, _ entry: TarEntry) throws {
        if keepsOwners, fchown(file.rawValue, entry.user, entry.group) != 0 { throw failed(entry) }
        // Set-user-id means its owner in the archive, so it goes where that goes.
        let mode = keepsOwners ? entry.mode & 0o7777 : entry.mode & 0o1777
        guard fchmod(file.rawValue, mode) == 0 else { throw failed(entry) }
    }

    private func own(_ name: [CChar], in parent: OpenFile, _ entry: TarEntry) throws {
        guard keepsOwners else { return }
        guard fchownat(parent.rawValue, name, entry.user, entry.group, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw failed(entry)
        }
    }

    /// Gives folders their times, which everything made in them has changed.
    private func finish() {
        for (name, modified) in folderTimes.reversed() {
            let path = name.map { CChar(bitPattern: $0) } + [0]
            let opened = rock_open_below(folder.rawValue, path, O_RDONLY | O_DIRECTORY, 0, walls)
            guard opened >= 0 else { continue }  // replaced by a later member
            let found = OwnedDescriptor(opened)
            let time = timespec(tv_sec: Int(modified), tv_nsec: 0)
            _ = futimens(found.rawValue, [time, time])
        }
        folderTimes = []
    }

    // MARK: Failures

    private func shown(_ entry: TarEntry) -> String { path + "/" + String(decoding: entry.path, as: UTF8.self) }

    private func failed(_ entry: TarEntry) -> RockletException { RockletException(errno: errno, shown(entry)) }

    private func refused(_ entry: TarEntry, _ why: String) -> Failure {
        let name = String(decoding: entry.path.prefix(200), as: UTF8.self)
        return Failure(.invalidArgument, "The archive's member '\(name)' is refused: \(why).")
    }
}
