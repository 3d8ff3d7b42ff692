import Glibc
import Testing

@testable import RockletServices

/// A folder for one test that is `/` to a tree; gone when the test is.
final class ScratchTree: Sendable {
    let path: String
    let tree: FileTree

    init() throws {
        var template = Array("/tmp/rock-files-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        path = folder + "/root"
        try #require(mkdir(path, 0o755) == 0)
        tree = try FileTree(root: path)
    }

    deinit {
        let folder = String(path.dropLast(5))
        // What is left in /tmp fails no test.
        if let tree = try? FileTree() { try? tree.remove(folder, recursively: true) }
    }

    func make(folder name: String) { #expect(mkdir(path + name, 0o755) == 0) }

    func make(link name: String, to target: String) { #expect(symlink(target, path + name) == 0) }

    func make(file name: String, _ text: String = "x") throws { try tree.write(Array(text.utf8), to: name) }

    func text(_ name: String) -> String? {
        (try? tree.read(name)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Everything in the tree, folders with a slash behind, links with where they lead.
    var names: [String] { Self.names(path, "/") }

    private static func names(_ root: String, _ below: String) -> [String] {
        guard let tree = try? FileTree(root: root), let page = try? tree.list(below, after: "", limit: 10_000) else {
            return []
        }
        return page.entries.flatMap { entry -> [String] in
            let name = below + String(decoding: entry.name, as: UTF8.self)
            switch entry.kind {
            case .folder: return [name + "/"] + names(root, name + "/")
            case .link: return [name + "->" + String(decoding: entry.target, as: UTF8.self)]
            default: return [name]
            }
        }
    }
}
