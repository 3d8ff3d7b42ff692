import Glibc
import Synchronization
import Testing
import Transport

@testable import RockletServices

@Suite(.timeLimit(.minutes(1))) struct FileTreeTests {
    /// What `body` answers, or the number of the kernel's reason.
    private func attempt(_ body: () throws(RockletException) -> String) -> String {
        do throws(RockletException) {
            return try body()
        } catch {
            return error.message.split(separator: "]").first.map { $0.dropFirst(7) + "" } ?? error.message
        }
    }

    @Test(arguments: [
        ("/file", "in"), ("file", "in"), ("/link", "in"), ("/absolute", "in"), ("/up", "in"), ("/../../file", "in"),
        ("/folder/../file", "in"), ("/folder", "21"), ("/missing", "2"), ("/file/x", "20"), ("/loop", "40"), ("", "2"),
        ("/outside", "2"), ("/magic/1", "2"), ("/pipe", "22"), ("/folder/./../file", "in"), ("/file/", "20"),
    ])
    func readsWhatIsInside(_ path: String, _ result: String) throws {
        let scratch = try ScratchTree()
        try scratch.make(file: "/file", "in")
        scratch.make(folder: "/folder")
        scratch.make(link: "/link", to: "file")
        scratch.make(link: "/absolute", to: "/file")
        scratch.make(link: "/up", to: "../../../../file")
        scratch.make(link: "/loop", to: "loop")
        scratch.make(link: "/outside", to: "../../../../../etc/hostname")
        scratch.make(link: "/magic", to: "/proc/self/fd")
        #expect(mkfifo(scratch.path + "/pipe", 0o600) == 0)
        #expect(
            attempt { () throws(RockletException) in String(decoding: try scratch.tree.read(path), as: UTF8.self) }
                == result)
    }

    @Test(arguments: [
        ("/new", ["/file", "/folder/", "/link->file", "/new"]),
        ("/a/b/c", ["/a/", "/a/b/", "/a/b/c", "/file", "/folder/", "/link->file"]),
        ("/link", ["/file", "/folder/", "/link->file"]), ("/file", ["/file", "/folder/", "/link->file"]),
    ])
    func writesAllAtOnce(_ path: String, _ names: [String]) throws {
        let scratch = try ScratchTree()
        try scratch.make(file: "/file", "old")
        scratch.make(folder: "/folder")
        scratch.make(link: "/link", to: "file")
        #expect(chmod(scratch.path + "/file", 0o751) == 0)
        let replacement = try Replacement(path, in: scratch.tree)
        #expect(scratch.text("/file") == "old")
        try replacement.commit()
        #expect(scratch.text(path) == "")
        #expect(scratch.names == names)
        #expect(try scratch.tree.status("/file", follows: true).mode == 0o751)
    }

    @Test(arguments: [("/folder", "21"), ("/", "21"), ("/folder/", "21"), ("/file/x", "20"), ("/folder/..", "21")])
    func refusesToWrite(_ path: String, _ reason: String) throws {
        let scratch = try ScratchTree()
        try scratch.make(file: "/file")
        scratch.make(folder: "/folder")
        #expect(
            attempt { () throws(RockletException) in
                try scratch.tree.write([1], to: path); return "written"
            } == reason)
        #expect(scratch.names == ["/file", "/folder/"])
    }

    @Test func writesInPlaceWhatIsNoFile() throws {
        let scratch = try ScratchTree()
        #expect(mkfifo(scratch.path + "/pipe", 0o600) == 0)
        // Without a reader a pipe takes nothing, and nobody waits for one.
        #expect(
            attempt { () throws(RockletException) in
                try scratch.tree.write([1], to: "/pipe"); return ""
            } == "6")
        let reader = open(scratch.path + "/pipe", O_RDONLY | O_NONBLOCK)
        try scratch.tree.write([1, 2], to: "/pipe")
        var bytes = [UInt8](repeating: 0, count: 9)
        #expect(Glibc.read(reader, &bytes, 9) == 2)
        close(reader)
        #expect(scratch.names == ["/pipe"])
    }

    @Test(arguments: [
        ("/file", false, nil), ("/link", false, nil), ("/empty", false, nil), ("/folder", false, "39"),
        ("/folder", true, nil), ("/missing", true, "2"), ("/", true, "21"), ("/folder/", true, nil),
    ])
    func removes(_ path: String, _ recursively: Bool, _ reason: String?) throws {
        let scratch = try ScratchTree()
        for folder in ["/empty", "/folder", "/folder/below", "/kept"] { scratch.make(folder: folder) }
        for file in ["/file", "/folder/below/file", "/kept/file"] { try scratch.make(file: file) }
        scratch.make(link: "/folder/out", to: "../kept")
        scratch.make(link: "/link", to: "kept")
        let result = attempt { () throws(RockletException) in
            try scratch.tree.remove(path, recursively: recursively)
            return "removed"
        }
        #expect(result == reason ?? "removed")
        #expect(scratch.text("/kept/file") == "x", "links are not followed")
        if reason == nil { #expect(!scratch.names.contains { $0.hasPrefix(path) && $0 != "/kept/" }) }
    }

    @Test func removesWhatIsDeeperThanAPathCanBe() throws {
        let scratch = try ScratchTree()
        scratch.make(folder: "/deep")
        var folder = open(scratch.path + "/deep", O_RDONLY | O_DIRECTORY)
        let name = String(repeating: "n", count: 100)
        for _ in 0..<200 {
            #expect(mkdirat(folder, name, 0o755) == 0)
            let next = openat(folder, name, O_RDONLY | O_DIRECTORY)
            close(folder)
            folder = next
        }
        close(folder)
        try scratch.tree.remove("/deep", recursively: true)
        #expect(scratch.names.isEmpty)
    }

    @Test func listsInPages() throws {
        let scratch = try ScratchTree()
        let names = ["B", "a", "aa", "b", "ä"]
        for name in names { try scratch.make(file: "/" + name) }
        var (listed, after): ([String], String) = ([], "")
        while true {
            let page = try scratch.tree.list("/", after: after, limit: 2)
            listed += page.entries.map { String(decoding: $0.name, as: UTF8.self) }
            guard page.hasMore, let last = listed.last else { break }
            after = last
        }
        #expect(listed == names)
    }

    /// Somebody swaps a folder for a link to the outside, over and over, while files are written into it.
    @Test func losesNoRaceAgainstLinks() async throws {
        let scratch = try ScratchTree()
        let outside = String(scratch.path.dropLast(5)) + "/outside"
        #expect(mkdir(outside, 0o755) == 0)
        scratch.make(folder: "/real")
        scratch.make(link: "/decoy", to: "../outside")
        let flag = Flag()
        let path = scratch.path
        async let swapping: Void = BlockingPool.run {
            while !flag.isSet.load(ordering: .relaxed) {
                for name in ["/real", "/decoy"] {
                    _ = rename(path + name, path + "/target")
                    _ = rename(path + "/target", path + name)
                }
            }
        }
        let tree = scratch.tree
        try await BlockingPool.run {
            for _ in 0..<3000 { try? tree.write([1], to: "/target/file") }  // mostly nothing is there at the moment
        }
        flag.isSet.store(true, ordering: .relaxed)
        try await swapping
        #expect(try FileTree(root: outside).list("/", after: "", limit: 10).entries.isEmpty)
    }

    private final class Flag: Sendable { let isSet = Atomic(false) }
}
