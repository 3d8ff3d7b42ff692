import CImages
import GEM
import Glibc
import Tar

/// Makes a layer's tar into a folder, in which overlayfs finds what the layer removes as it wants it.
///
/// The tar is nobody's friend. Every path is resolved by the kernel with the folder as its root, so that neither `..` nor
/// a link leads out; nothing is ever opened that was there before; devices are left out, and so are extended attributes
/// that mean something to overlayfs or to the host.
final class LayerExtractor {
    private let root: Int32
    private let subject: String
    private let isRoot = geteuid() == 0
    /// The folder that the last member went into, by path: members of one folder usually follow each other.
    private var parent: (path: [UInt8], descriptor: Int32)?
    /// Folders get their times last, for everything made in them changes those.
    private var folderTimes: [(path: [UInt8], modified: Int64)] = []
    private(set) var entries = 0
    /// Bytes of content.
    private(set) var bytes: Int64 = 0

    /// - Parameters:
    ///   - root: The folder, open and empty; stays the caller's.
    ///   - subject: What is extracted, for errors.
    init(into root: Int32, _ subject: String) {
        self.root = root
        self.subject = subject
    }

    deinit { if let parent { close(parent.descriptor) } }

    /// Extracts every member.
    ///
    /// - Throws: ``Failure`` with `invalidArgument` for what a root filesystem cannot hold; what was extracted so far is
    ///   the caller's to remove.
    func extract(_ reader: inout TarReader) throws(Failure) {
        while let entry = try reader.next() {
            try extract(entry, &reader)
            entries += 1
        }
        for (path, modified) in folderTimes.reversed() {
            let folder = rock_image_open_in_root(root, path.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
            guard folder >= 0 else { continue }  // replaced by a later member
            defer { close(folder) }
            setTimes(folder, modified)
        }
    }

    private func extract(_ entry: TarEntry, _ reader: inout TarReader) throws(Failure) {
        let path = try EntryPath(entry.path, subject)
        guard let name = path.name else {
            guard entry.kind == .folder else { throw refused(entry, "it would replace the root itself") }
            return try finishFolder(root, entry, path)
        }
        let folder = try open(parent: path)
        if let hidden = Whiteout(name) { return try apply(hidden, in: folder, entry) }
        let cName = name.cString
        switch entry.kind {
        case .folder: try makeFolder(cName, in: folder, entry, path)
        case .file: try makeFile(cName, in: folder, entry, &reader)
        case .symbolicLink:
            try clear(cName, in: folder)
            guard !entry.target.isEmpty, !entry.target.contains(0) else { throw refused(entry, "its target is empty") }
            guard symlinkat(entry.target.cString, folder, cName) == 0 else { throw failed("symlink", entry) }
            try own(cName, in: folder, entry)
            setTimes(cName, in: folder, entry.modified)
        case .hardLink: try makeHardLink(cName, in: folder, entry)
        case .fifo:
            try clear(cName, in: folder)
            guard mkfifoat(folder, cName, entry.mode & 0o777) == 0 else { throw failed("mkfifo", entry) }
            try own(cName, in: folder, entry)
        case .device: break
        case .other(UInt8(ascii: "V")): break  // a volume's label
        case .other(let type): throw refused(entry, "its type '\(Character(UnicodeScalar(type)))' is none Rock knows")
        }
    }

    // MARK: Folders on the way

    /// The folder that `path` is to be in; made where the tar does not mention it.
    private func open(parent path: EntryPath) throws(Failure) -> Int32 {
        if let parent, parent.path == path.folder { return parent.descriptor }
        let flags = O_RDONLY | O_DIRECTORY
        var result = rock_image_open_in_root(root, (path.folder + [0x2E]).cString, flags, 0)
        if result == -ENOENT || result == -ENOTDIR {
            try makeFolders(path)
            result = rock_image_open_in_root(root, (path.folder + [0x2E]).cString, flags, 0)
        }
        guard result >= 0 else { throw noFolder(path, -result) }
        forgetParent()
        parent = (path.folder, result)
        return result
    }

    /// Makes what is missing of the folders above `path`, like `mkdir -p`.
    private func makeFolders(_ path: EntryPath) throws(Failure) {
        var above: [UInt8] = []
        for part in path.parts.dropLast() {
            let descriptor = rock_image_open_in_root(root, (above + [0x2E]).cString, O_RDONLY | O_DIRECTORY, 0)
            guard descriptor >= 0 else { throw noFolder(path, -descriptor) }
            defer { close(descriptor) }
            if mkdirat(descriptor, Array(part).cString, 0o755) != 0, errno != EEXIST {
                throw Failure("mkdir", "\(subject): \(path.folder.text)", errno)
            }
            above += part + [0x2F]
        }
    }

    /// After anything was removed or replaced, the open folder may be another than its path says.
    private func forgetParent() {
        if let parent { close(parent.descriptor) }
        parent = nil
    }

    // MARK: Members

    private func makeFolder(_ name: [CChar], in folder: Int32, _ entry: TarEntry, _ path: EntryPath) throws(Failure) {
        var status = stat()
        var wasHidden = false
        if fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT != S_IFDIR {
            wasHidden = Self.isWhiteout(status)
            guard unlinkat(folder, name, 0) == 0 else { throw failed("unlink", entry) }
        }
        guard mkdirat(folder, name, 0o700) == 0 || errno == EEXIST else { throw failed("mkdir", entry) }
        let made = try Failure.check(
            rock_image_open(folder, name, O_RDONLY | O_DIRECTORY, 0), "open", "\(subject): \(entry.path.text)")
        defer { close(made) }
        if wasHidden { try hideBelow(made) }
        try finishFolder(made, entry, path)
    }

    private func finishFolder(_ folder: Int32, _ entry: TarEntry, _ path: EntryPath) throws(Failure) {
        try own(folder, entry)
        guard fchmod(folder, isRoot ? entry.mode : entry.mode | 0o700) == 0 else { throw failed("chmod", entry) }
        setAttributes(folder, entry)
        folderTimes.append((path.parts.isEmpty ? [0x2E] : Array(path.parts.joined(separator: [0x2F])), entry.modified))
    }

    private func makeFile(_ name: [CChar], in folder: Int32, _ entry: TarEntry, _ reader: inout TarReader)
        throws(Failure)
    {
        try clear(name, in: folder)
        let file = try Failure.check(
            rock_image_open(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0o600), "open",
            "\(subject): \(entry.path.text)")
        defer { close(file) }
        try reader.content(of: entry) { piece throws(Failure) in
            var place = 0
            while place < piece.count {
                let count = write(file, piece.baseAddress?.advanced(by: place), piece.count - place)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw failed("write", entry) }
                place += count
            }
        }
        bytes += entry.size
        try own(file, entry)
        setAttributes(file, entry)
        // After the owner, for the kernel takes set-id bits away with a change of owner.
        guard fchmod(file, isRoot ? entry.mode : entry.mode | 0o400) == 0 else { throw failed("chmod", entry) }
        setTimes(file, entry.modified)
    }

    private func makeHardLink(_ name: [CChar], in folder: Int32, _ entry: TarEntry) throws(Failure) {
        let target = try EntryPath(entry.target, subject)
        guard let last = target.name else { throw refused(entry, "it is a hard link to nothing") }
        let source = rock_image_open_in_root(root, (target.folder + [0x2E]).cString, O_RDONLY | O_DIRECTORY, 0)
        guard source >= 0 else {
            throw refused(entry, "the file it is a hard link to, \(entry.target.text), is missing")
        }
        defer { close(source) }
        var (old, new) = (stat(), stat())
        guard fstatat(source, last.cString, &old, AT_SYMLINK_NOFOLLOW) == 0, old.st_mode & S_IFMT != S_IFDIR else {
            throw refused(entry, "the file it is a hard link to, \(entry.target.text), is missing")
        }
        if fstatat(folder, name, &new, AT_SYMLINK_NOFOLLOW) == 0, new.st_ino == old.st_ino, new.st_dev == old.st_dev {
            return
        }
        try clear(name, in: folder)
        guard linkat(source, last.cString, folder, name, 0) == 0 else { throw failed("link", entry) }
    }

    /// Makes room for a new file: what an earlier member put there goes, folders with all that is in them.
    private func clear(_ name: [CChar], in folder: Int32) throws(Failure) {
        if faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0, errno == ENOENT { return }
        try TreeRemoval.remove(name, in: folder)
        if let parent, parent.descriptor != folder { forgetParent() }
    }

    // MARK: What a layer removes

    private func apply(_ whiteout: Whiteout, in folder: Int32, _ entry: TarEntry) throws(Failure) {
        switch whiteout {
        case .marker: break
        case .everythingBelow: try hideBelow(folder)
        case .name(let hidden):
            guard let path = try? EntryPath(hidden, subject), path.parts.count == 1 else {
                throw refused(entry, "it hides a name that no file can have")
            }
            let name = hidden.cString
            var status = stat()
            if fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 {
                // The layer also brings a file of that name, which stays; of a folder only what is below is hidden.
                guard status.st_mode & S_IFMT == S_IFDIR else { return }
                let below = rock_image_open(folder, name, O_RDONLY | O_DIRECTORY, 0)
                guard below >= 0 else { throw failed("open", entry) }
                defer { close(below) }
                return try hideBelow(below)
            }
            try Failure.check(rock_image_whiteout(folder, name), "mknod", "\(subject): \(entry.path.text)")
        }
    }

    /// Marks a folder so that nothing of it shows through from the layers below: for overlays mounted by root, and for those
    /// mounted in a user namespace.
    private func hideBelow(_ folder: Int32) throws(Failure) {
        let yes: [UInt8] = [UInt8(ascii: "y")]
        let user = rock_image_set_attribute(folder, Overlay.opaqueForUsers, yes, 1)
        let trusted = rock_image_set_attribute(folder, Overlay.opaque, yes, 1)
        guard user == 0 || trusted == 0 else { throw Failure("setxattr", "\(subject): an opaque folder", -user) }
    }

    private static func isWhiteout(_ status: stat) -> Bool {
        status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0
    }

    // MARK: Ownership, attributes, times

    private func own(_ descriptor: Int32, _ entry: TarEntry) throws(Failure) {
        guard !isRoot || fchown(descriptor, entry.user, entry.group) == 0 else { throw failed("chown", entry) }
    }

    private func own(_ name: [CChar], in folder: Int32, _ entry: TarEntry) throws(Failure) {
        guard !isRoot || fchownat(folder, name, entry.user, entry.group, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw failed("chown", entry)
        }
    }

    private func setAttributes(_ descriptor: Int32, _ entry: TarEntry) {
        for (name, value) in entry.attributes where Overlay.isHarmless(attribute: name) {
            // A file system without extended attributes still holds the file.
            _ = rock_image_set_attribute(descriptor, name, value, value.count)
        }
    }

    private func setTimes(_ descriptor: Int32, _ modified: Int64) {
        let times = [timespec(tv_sec: Int(modified), tv_nsec: 0), timespec(tv_sec: Int(modified), tv_nsec: 0)]
        _ = futimens(descriptor, times)  // a time the file system cannot hold is no reason to refuse the file
    }

    private func setTimes(_ name: [CChar], in folder: Int32, _ modified: Int64) {
        let times = [timespec(tv_sec: Int(modified), tv_nsec: 0), timespec(tv_sec: Int(modified), tv_nsec: 0)]
        _ = utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW)
    }

    // MARK: Failures

    /// The folder above a member cannot be opened: mostly because the tar has a file or a link to nowhere in its place.
    private func noFolder(_ path: EntryPath, _ error: Int32) -> Failure {
        guard [ENOENT, ENOTDIR, ELOOP].contains(error) else {
            return Failure("open", "\(subject): \(path.folder.text)", error)
        }
        return Failure(
            .invalidArgument,
            "\(subject) cannot be unpacked: \(path.folder.text) holds further files, but is no folder in the tar.")
    }

    private func refused(_ entry: TarEntry, _ why: String) -> Failure {
        Failure(.invalidArgument, "\(subject) cannot be unpacked: \(entry.path.text): \(why).")
    }

    private func failed(_ call: String, _ entry: TarEntry) -> Failure {
        Failure(call, "\(subject): \(entry.path.text)", errno)
    }
}
