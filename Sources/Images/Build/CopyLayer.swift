import CImages
import GEM
import Glibc
import Tar
import Transport

/// Makes the tar of the layer that a `COPY`, an `ADD` or a `WORKDIR` puts on an image.
final class CopyLayer {
    private let writer: TarWriter
    /// The image below, in which links on the way to a destination are followed.
    private let base: FileUnion
    private let owner: (user: UInt32, group: UInt32)?
    private let mode: UInt32?
    /// Folders that the layer has already.
    private var folders: Set<[[UInt8]]> = []

    /// - Parameters:
    ///   - tar: The file to be made.
    ///   - base: The image below.
    ///   - owner: Who gets what is copied; `nil` for root.
    ///   - mode: Permissions of files that are copied; `nil` for those that they have.
    /// - Throws: ``Failure`` where the file cannot be made.
    init(_ tar: String, over base: FileUnion, owner: (user: UInt32, group: UInt32)?, mode: UInt32? = nil)
        throws(Failure)
    {
        writer = TarWriter(try Files.open(tar, O_WRONLY | O_CREAT | O_EXCL), tar)
        self.base = base
        self.owner = owner
        self.mode = mode
    }

    /// Ends the tar.
    func finish() throws(Failure) -> Digest { try writer.finish() }

    /// A folder, with those above it where they are missing.
    ///
    /// - Returns: Its path without links.
    func addFolder(_ path: [[UInt8]]) throws(Failure) -> [[UInt8]] {
        let real = try base.resolve(path).path
        for count in 1..<max(1, real.count + 1) where folders.insert(Array(real.prefix(count))).inserted {
            let part = Array(real.prefix(count))
            var entry = TarEntry(path: Array(part.joined(separator: [0x2F])) + [0x2F])
            entry.kind = .folder
            entry.mode = 0o755
            // A folder that is there keeps what it is: the layer's own would stand in front of it.
            if let node = base.node(part) {
                guard node.isFolder else {
                    throw Failure(.invalidArgument, "\(FileUnion.text(part)) is no folder in the image.")
                }
                (entry.mode, entry.user) = (node.status.st_mode & 0o7777, node.status.st_uid)
                (entry.group, entry.modified) = (node.status.st_gid, Int64(node.status.st_mtim.tv_sec))
            }
            try writer.begin(entry)
        }
        return real
    }

    /// A file, a link, or what is in a folder.
    ///
    /// - Parameters:
    ///   - node: What to copy.
    ///   - source: Where it is from.
    ///   - path: What it becomes, without links.
    ///   - isKept: Whether a file belongs to what is copied.
    /// - Throws: ``Failure`` where something cannot be read, or a file is where a folder should be.
    func add(
        _ node: FileUnion.Node, of source: FileUnion, as path: [[UInt8]], isKept: (FileUnion.Node) -> Bool
    ) throws(Failure) {
        switch node.status.st_mode & S_IFMT {
        case S_IFDIR:
            let real = try addFolder(path)
            for name in try source.names(in: node) {
                guard let child = source.node(node.path + [name]), isKept(child) else { continue }
                try add(child, of: source, as: real + [name], isKept: isKept)
            }
        case S_IFLNK:
            var entry = try entry(node, path)
            entry.kind = .symbolicLink
            entry.target = try source.target(of: node)
            try writer.begin(entry)
        case S_IFREG:
            let file = try source.open(node)
            var entry = try entry(node, path)
            var status = stat()
            guard fstat(file.rawValue, &status) == 0 else { throw Failure("stat", FileUnion.text(node.path), errno) }
            entry.size = Int64(status.st_size)
            try writer.begin(entry)
            let stream = ByteStream(file.rawValue, FileUnion.text(node.path), limit: .max)
            try stream.pass(entry.size) { (piece: UnsafeRawBufferPointer) throws(Failure) in
                try writer.content(piece)
            }
            try writer.endContent(entry.size)
        default: break  // sockets and devices are no part of an image
        }
    }

    /// What is in a tar, below a folder.
    func add(archive: consuming OwnedDescriptor, _ subject: String, below folder: [[UInt8]], _ limits: ImageLimits)
        throws(Failure)
    {
        let root = try addFolder(folder)
        let plain = try Decompression(of: archive, subject)
        var reader = TarReader(
            ByteStream(plain.output, subject, limit: limits.layerBytes), subject, entryLimit: limits.layerEntries)
        let prefix = { (parts: [ArraySlice<UInt8>]) in Array((root + parts.map(Array.init)).joined(separator: [0x2F])) }
        while let member = try reader.next() {
            var entry = member
            let path = try EntryPath(member.path, subject)
            guard path.name != nil else { continue }
            entry.path = prefix(path.parts)
            if entry.kind == .hardLink { entry.target = prefix(try EntryPath(member.target, subject).parts) }
            try writer.begin(entry)
            if entry.kind == .file {
                try reader.content(of: entry) { (piece: UnsafeRawBufferPointer) throws(Failure) in
                    try writer.content(piece)
                }
                try writer.endContent(entry.size)
            }
        }
        try plain.finish()
    }

    private func entry(_ node: FileUnion.Node, _ path: [[UInt8]]) throws(Failure) -> TarEntry {
        var entry = TarEntry(path: Array(path.joined(separator: [0x2F])))
        entry.mode = mode ?? (node.status.st_mode & 0o7777)
        entry.modified = Int64(node.status.st_mtim.tv_sec)
        (entry.user, entry.group) = owner ?? (0, 0)
        return entry
    }
}
