import CImages
import GEM
import Glibc
import Transport

/// Several layers seen as the one root filesystem that they make, or a plain folder; read only.
///
/// Links are followed here, inside of the union, and never by the kernel.
final class FileUnion {
    /// A file, folder or link that shows.
    struct Node {
        /// Which of the layers has it.
        let layer: Int
        /// Its path without links, from the root on; empty for the root.
        let path: [[UInt8]]
        let status: stat

        var isFolder: Bool { status.st_mode & S_IFMT == S_IFDIR }
        var isLink: Bool { status.st_mode & S_IFMT == S_IFLNK }
    }

    private let roots: [Int32]

    /// - Parameter folders: The topmost first.
    /// - Throws: ``Failure`` where one cannot be opened.
    init(_ folders: [String]) throws(Failure) {
        var roots: [Int32] = []
        for folder in folders {
            let root = rock_image_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0)
            guard root >= 0 else {
                for root in roots { close(root) }
                throw Failure("open", folder, -root)
            }
            roots.append(root)
        }
        self.roots = roots
    }

    deinit { for root in roots { close(root) } }

    /// What is at a path in which no link has to be followed; `nil` for nothing.
    func node(_ path: [[UInt8]]) -> Node? {
        for (layer, root) in roots.enumerated() {
            switch look(path, in: root) {
            case .found(let status): return Node(layer: layer, path: path, status: status)
            case .hidden: return nil
            case .absent: continue
            }
        }
        return nil
    }

    private enum Sight { case found(stat), hidden, absent }

    private func look(_ path: [[UInt8]], in root: Int32) -> Sight {
        var status = stat()
        guard fstat(root, &status) == 0 else { return .absent }
        var isOpaque = hides(root, [])
        for count in path.indices {
            let part = Self.cPath(path[...count])
            guard fstatat(root, part, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return isOpaque ? .hidden : .absent }
            if status.st_mode & S_IFMT == S_IFCHR, status.st_rdev == 0 { return .hidden }
            guard count < path.count - 1 else { break }
            guard status.st_mode & S_IFMT == S_IFDIR else { return .hidden }
            isOpaque = isOpaque || hides(root, path[...count])
        }
        return .found(status)
    }

    /// Whether a folder shows nothing of the layers below.
    private func hides(_ root: Int32, _ path: ArraySlice<[UInt8]>) -> Bool {
        let folder = rock_image_open_in_root(root, Self.cPath(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
        guard folder >= 0 else { return false }
        defer { close(folder) }
        return [Overlay.opaque, Overlay.opaqueForUsers].contains { name in
            var value: UInt8 = 0
            return rock_image_get_attribute(folder, name, &value, 1) == 1
        }
    }

    /// The names in a folder that shows, sorted.
    func names(in folder: Node) throws(Failure) -> [[UInt8]] {
        var names: Set<[UInt8]> = []
        for root in roots[folder.layer...] {
            let descriptor = rock_image_open_in_root(
                root, Self.cPath(folder.path[...]), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
            guard descriptor >= 0 else { continue }
            for name in try FolderListing.names(of: descriptor, "a folder") {
                names.insert(name.dropLast().map(UInt8.init(bitPattern:)))
            }
        }
        let shown = names.filter { node(folder.path + [$0]) != nil }
        return shown.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// What a path leads to, its links followed inside the union.
    ///
    /// - Parameters:
    ///   - path: From the root on.
    ///   - followsLast: Whether a link at the very end is followed too.
    /// - Returns: The path without links as far as it goes, and what is there, if anything is.
    /// - Throws: ``Failure`` for a circle of links.
    func resolve(_ path: [[UInt8]], followsLast: Bool = true) throws(Failure) -> (path: [[UInt8]], node: Node?) {
        var done: [[UInt8]] = []
        var rest = path[...]
        var links = 0
        while let part = rest.popFirst() {
            if part.isEmpty || part == [0x2E] { continue }
            if part == [0x2E, 0x2E] {
                _ = done.popLast()
                continue
            }
            guard let node = node(done + [part]) else { return (done + [part] + rest, nil) }
            guard node.isLink, followsLast || !rest.isEmpty else {
                done.append(part)
                continue
            }
            links += 1
            guard links <= 40 else { throw Failure(.invalidArgument, "\(Self.text(path)) leads in circles.") }
            let target = try target(of: node)
            if target.first == 0x2F { done = [] }
            rest = target.split(separator: 0x2F).map(Array.init) + rest
        }
        return (done, node(done))
    }

    /// Where a link leads, as it is written.
    func target(of link: Node) throws(Failure) -> [UInt8] {
        var target = [CChar](repeating: 0, count: 4097)
        let count = readlinkat(roots[link.layer], Self.cPath(link.path[...]), &target, 4096)
        guard count >= 0 else { throw Failure("readlink", Self.text(link.path), errno) }
        return target.prefix(count).map(UInt8.init(bitPattern:))
    }

    /// Opens a file that shows.
    func open(_ file: Node) throws(Failure) -> OwnedDescriptor {
        OwnedDescriptor(
            try Failure.check(
                rock_image_open_in_root(
                    roots[file.layer], Self.cPath(file.path[...]), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0),
                "open", Self.text(file.path)))
    }

    private static func cPath(_ path: ArraySlice<[UInt8]>) -> [CChar] {
        path.isEmpty ? [0x2E, 0] : Array(path.joined(separator: [0x2F])).cString
    }

    /// A path for people.
    static func text(_ path: [[UInt8]]) -> String { "/" + path.map(\.text).joined(separator: "/") }

    /// The parts of a path as people write it.
    static func parts(_ path: String) -> [[UInt8]] { path.utf8.split(separator: 0x2F).map(Array.init) }
}
