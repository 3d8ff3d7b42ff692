import CImages
import GEM
import Glibc
import Tar
import Transport

/// A `COPY` or an `ADD`, its words taken apart and its variables put in.
struct CopyJob: Sendable {
    /// Layers of the image below, the topmost first.
    var base: [String]
    /// Layers of the stage or image to copy from, or the build's folder alone.
    var from: [String]
    var ignore = IgnoreRules("")
    var sources: [String]
    /// Absolute.
    var destination: String
    /// `USER[:GROUP]`, names or numbers.
    var owner: String?
    var mode: UInt32?
    /// Whether tars among the sources are unpacked, as `ADD` does.
    var unpacks = false

    /// Makes the layer's tar.
    func run(into tar: String, _ limits: ImageLimits) throws(Failure) -> Digest {
        let base = try FileUnion(base)
        let source = try FileUnion(from)
        let owner: (user: UInt32, group: UInt32)? =
            if let owner { try Self.owner(owner, in: base) } else { nil }
        let layer = try CopyLayer(tar, over: base, owner: owner, mode: mode)
        let found = try sources.map { pattern throws(Failure) in (pattern, try find(pattern, in: source)) }
        let count = found.reduce(0) { $0 + $1.1.count }
        let path = FileUnion.parts(destination)
        let existing = try base.resolve(path)
        let isFolder = destination.hasSuffix("/") || existing.node?.isFolder ?? false
        guard count < 2 || isFolder || destination.hasSuffix("/") else {
            throw Failure(.invalidArgument, "several files need a folder as their destination; write \(destination)/.")
        }
        for (pattern, nodes) in found {
            guard !nodes.isEmpty else { throw Failure(.invalidArgument, "'\(pattern)' is not there, or is ignored.") }
            for node in nodes { try add(node, source, layer, path, intoFolder: isFolder, base, limits) }
        }
        return try layer.finish()
    }

    private func add(
        _ node: FileUnion.Node, _ source: FileUnion, _ layer: CopyLayer, _ path: [[UInt8]], intoFolder: Bool,
        _ base: FileUnion, _ limits: ImageLimits
    ) throws(Failure) {
        if unpacks, node.status.st_mode & S_IFMT == S_IFREG, try Self.isTar(source.open(node)) {
            return try layer.add(archive: source.open(node), FileUnion.text(node.path), below: path, limits)
        }
        if node.isFolder { return try layer.add(node, of: source, as: path) { isKept($0) } }
        guard let name = node.path.last else { return }
        if intoFolder {
            let folder = try layer.addFolder(path)
            return try layer.add(node, of: source, as: folder + [name]) { isKept($0) }
        }
        let target = try base.resolve(path).path
        _ = try layer.addFolder(Array(target.dropLast()))
        try layer.add(node, of: source, as: target) { isKept($0) }
    }

    private func isKept(_ node: FileUnion.Node) -> Bool {
        // A folder that is ignored may hold what an exception brings back.
        (node.isFolder && ignore.hasExceptions) || !ignore.ignores(node.path.map(\.text))
    }

    /// What a source stands for; links on the way are followed, and the last one where it is named itself.
    private func find(_ pattern: String, in source: FileUnion) throws(Failure) -> [FileUnion.Node] {
        let parts = FileUnion.parts(pattern).filter { $0 != [0x2E] }
        guard !parts.contains([0x2E, 0x2E]) else {
            throw Failure(.invalidArgument, "'\(pattern)' climbs up by '..'; only what is in the folder can be copied.")
        }
        var places: [[[UInt8]]] = [[]]
        for part in parts {
            guard Glob.isPattern(part.text) else {
                places = places.map { $0 + [part] }
                continue
            }
            var next: [[[UInt8]]] = []
            for place in places {
                guard let folder = try source.resolve(place).node, folder.isFolder else { continue }
                for name in try source.names(in: folder) where Glob.matches(name.text, part.text) {
                    next.append(folder.path + [name])
                }
            }
            places = next
        }
        var nodes: [FileUnion.Node] = []
        for place in places { if let node = try source.resolve(place).node { nodes.append(node) } }
        return nodes.filter { $0.path.isEmpty || isKept($0) }
    }

    private static func isTar(_ file: consuming OwnedDescriptor) throws(Failure) -> Bool {
        let plain = try Decompression(of: file, "a source")
        defer { plain.abandon() }
        let stream = ByteStream(plain.output, "a source", limit: .max)
        guard let block = try? stream.read(TarBlock.size) else { return false }
        return !block.allSatisfy { $0 == 0 } && TarHeader(block) != nil
    }

    /// The numbers of `USER[:GROUP]`; names are looked up in the image.
    private static func owner(_ text: String, in base: FileUnion) throws(Failure) -> (user: UInt32, group: UInt32) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard let first = parts.first else { throw Failure(.invalidArgument, "'\(text)' is no owner.") }
        let users = try lines("/etc/passwd", in: base)
        let found = users.first { $0.count > 3 && $0[0] == first }
        guard let user = UInt32(first) ?? found.flatMap({ UInt32($0[2]) }) else {
            throw Failure(.invalidArgument, "there is no user '\(first)' in the image's /etc/passwd.")
        }
        guard parts.count > 1 else {
            let entry = found ?? users.first { $0.count > 3 && $0[2] == first }
            return (user, entry.flatMap { UInt32($0[3]) } ?? user)
        }
        let groups = try lines("/etc/group", in: base)
        guard
            let group = UInt32(parts[1])
                ?? groups.first(where: { $0.count > 2 && $0[0] == parts[1] }).flatMap({ UInt32($0[2]) })
        else { throw Failure(.invalidArgument, "there is no group '\(parts[1])' in the image's /etc/group.") }
        return (user, group)
    }

    private static func lines(_ path: String, in base: FileUnion) throws(Failure) -> [[String]] {
        guard let node = try base.resolve(FileUnion.parts(path)).node, node.status.st_mode & S_IFMT == S_IFREG else {
            return []
        }
        let bytes = try Files.read(try base.open(node), path, limit: 4 << 20)
        return bytes.text.split(separator: "\n").map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
    }
}
