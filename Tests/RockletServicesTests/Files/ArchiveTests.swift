import GEM
import Glibc
import Tar
import Testing

@testable import RockletServices

@Suite(.timeLimit(.minutes(1))) struct ArchiveTests {
    private typealias Member = (kind: TarEntry.Kind, path: String, text: String)

    /// An archive of members, whose text is their content or where they lead.
    private static func archive(_ members: [Member], mode: UInt32 = 0o640) -> [UInt8] {
        var bytes: [UInt8] = []
        for (kind, path, text) in members {
            var entry = TarEntry(path: Array(path.utf8))
            entry.kind = kind
            (entry.mode, entry.user, entry.group, entry.modified) = (mode, 7, 8, 1_000_000_000)
            if kind == .file { entry.size = Int64(text.utf8.count) } else { entry.target = Array(text.utf8) }
            bytes += entry.header
            if kind == .file {
                bytes += Array(text.utf8)
                bytes += [UInt8](repeating: 0, count: Int(TarBlock.padded(entry.size) - entry.size))
            }
        }
        return bytes + [UInt8](repeating: 0, count: 1024)
    }

    /// Unpacks what arrives in portions of `size`; the failure's message, or "".
    private static func unpack(_ bytes: [UInt8], into scratch: ScratchTree, _ path: String = "/to", size: Int = .max)
        -> String
    {
        do {
            let unarchiver = try Unarchiver(into: path, in: scratch.tree, keepsOwners: geteuid() == 0)
            var held: [UInt8] = []
            var rest = bytes[...]
            while true {
                held += rest.prefix(size)
                rest = rest.dropFirst(size)
                let used = try held.withUnsafeBytes { try unarchiver.take($0, isLast: rest.isEmpty) }
                held.removeFirst(used)
                if rest.isEmpty { return "" }
            }
        } catch let error as Failure {
            return error.message
        } catch let error as RockletException {
            return error.message
        } catch {
            return "\(error)"
        }
    }

    private static func packed(_ path: String, _ tree: FileTree) throws -> [UInt8] {
        let archiver = try Archiver(path, in: tree)
        var bytes: [UInt8] = []
        while let piece = try archiver.next() { bytes += piece }
        return bytes
    }

    @Test(arguments: [1, 511, 512, 513, 100_000, .max])
    func unpacksInAnyPortions(_ size: Int) throws {
        let scratch = try ScratchTree()
        scratch.make(folder: "/to")
        let long = String(repeating: "long/", count: 40) + "name"
        let bytes = Self.archive([
            (.folder, "./", ""), (.file, "a", "one"), (.folder, "b/", ""),
            (.file, "b/c", String(repeating: "c", count: 1500)),
            (.symbolicLink, "l", "b/c"), (.hardLink, "h", "a"), (.fifo, "p", ""), (.file, long, "deep"),
            (.file, "e", ""),
            (.file, "a", "two"),
        ])
        #expect(Self.unpack(bytes, into: scratch, size: size) == "")
        #expect(scratch.text("/to/a") == "two" && scratch.text("/to/h") == "one", "a link keeps what it was made to")
        #expect(scratch.text("/to/l") == String(repeating: "c", count: 1500))
        #expect(scratch.text("/to/" + long) == "deep" && scratch.text("/to/e") == "")
        let status = try scratch.tree.status("/to/b/c", follows: false)
        #expect(status.mode == 0o640 && status.modified == 1_000_000_000)
        #expect(geteuid() != 0 || (status.user == 7 && status.group == 8))
        #expect(try scratch.tree.status("/to/b", follows: false).modified == 1_000_000_000)
    }

    @Test(
        arguments: [
            ("a slash", [(TarEntry.Kind.file, "/abs", "x")]), ("'..'", [(.file, "../up", "x")]),
            ("'..'", [(.file, "a/../../up", "x")]),
            ("'..'", [(.hardLink, "h", "../secret")]), ("a slash", [(.hardLink, "h", "/secret")]),
            ("leads out", [(.symbolicLink, "l", "/"), (.file, "l/x", "x")]),
            ("leads out", [(.symbolicLink, "l", ".."), (.file, "l/x", "x")]),
            ("leads out", [(.symbolicLink, "l", "../to/.."), (.folder, "l/d/", "")]),
            ("leads out", [(.symbolicLink, "l", ".."), (.hardLink, "h", "l/secret")]),
            ("leads out", [(.symbolicLink, "m", "l"), (.symbolicLink, "l", ".."), (.file, "m/x", "x")]),
            ("leads out", [(.symbolicLink, "l", "l"), (.file, "l/x", "x")]),
            ("a device", [(.device, "d", "")]), ("not known", [(.other(0x39), "d", "")]),
            ("to nothing", [(.symbolicLink, "l", "")]),
            ("the folder itself", [(.file, ".", "x")]), ("Is a directory", [(.folder, "d", ""), (.file, "d", "x")]),
            ("No such file", [(.hardLink, "h", "missing")]),
            ("Not a directory", [(.file, "f", ""), (.file, "f/x", "x")]),
        ] as [(String, [(kind: TarEntry.Kind, path: String, text: String)])])
    func refuses(_ reason: String, _ members: [(kind: TarEntry.Kind, path: String, text: String)]) throws {
        let scratch = try ScratchTree()
        scratch.make(folder: "/to")
        try scratch.make(file: "/secret", "s")
        let message = Self.unpack(Self.archive(members), into: scratch)
        #expect(message.contains(reason), "\(message)")
        #expect(scratch.text("/secret") == "s" && !scratch.names.contains { !$0.hasPrefix("/to/") && $0 != "/secret" })
    }

    @Test func replacesLinksInsteadOfFollowingThem() throws {
        let scratch = try ScratchTree()
        scratch.make(folder: "/to")
        try scratch.make(file: "/secret", "s")
        scratch.make(link: "/to/l", to: "../secret")
        let bytes = Self.archive([(.file, "l", "new"), (.symbolicLink, "m", "../secret"), (.file, "m", "new")])
        #expect(Self.unpack(bytes, into: scratch) == "")
        #expect(scratch.text("/secret") == "s" && scratch.text("/to/l") == "new" && scratch.text("/to/m") == "new")
    }

    @Test func goesThroughLinksThatStayInside() throws {
        let scratch = try ScratchTree()
        for folder in ["/usr", "/usr/bin"] { scratch.make(folder: folder) }
        scratch.make(link: "/bin", to: "usr/bin")
        scratch.make(link: "/abs", to: "/usr")
        let bytes = Self.archive([(.folder, "bin/", ""), (.file, "bin/x", "1"), (.file, "abs/y", "2")])
        #expect(Self.unpack(bytes, into: scratch, "/") == "")
        #expect(scratch.text("/usr/bin/x") == "1" && scratch.text("/usr/y") == "2")
    }

    @Test func saysThatAnArchiveIsCutOff() throws {
        let bytes = Self.archive([(.file, "a", String(repeating: "a", count: 600)), (.file, "b", "b")])
        for count in [1, 300, 512, 700, 1024, 1535, 1600, 2000, 2100] {
            let scratch = try ScratchTree()
            scratch.make(folder: "/to")
            let message = Self.unpack(Array(bytes[..<count]), into: scratch)
            // Behind a member an archive may just stop, as some programs leave it.
            #expect(message.contains("ends in the middle"), "\(count) of \(bytes.count): \(message)")
        }
    }

    @Test func survivesEveryChange() throws {
        var state: UInt64 = 3
        let random = { (limit: Int) -> Int in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let bytes = Self.archive([
            (.file, "a", "one"), (.symbolicLink, "l", ".."), (.file, String(repeating: "n", count: 300), "x"),
            (.folder, "d", ""),
        ])
        for _ in 0..<300 {
            let scratch = try ScratchTree()
            scratch.make(folder: "/to")
            var changed = bytes
            for _ in 0..<3 { changed[random(changed.count)] ^= UInt8(1 << random(8)) }
            _ = Self.unpack(changed, into: scratch, size: 1 + random(2000))
            #expect(!scratch.names.contains { !$0.hasPrefix("/to/") })
        }
    }

    @Test func packsWhatItUnpacks() throws {
        let scratch = try ScratchTree()
        for folder in ["/from", "/from/empty", "/from/\(String(repeating: "d", count: 150))", "/to"] {
            scratch.make(folder: folder)
        }
        try scratch.make(
            file: "/from/\(String(repeating: "d", count: 150))/file", String(repeating: "long", count: 200_000))
        try scratch.make(file: "/from/zero", "")
        scratch.make(link: "/from/link", to: "/etc/passwd")
        #expect(mkfifo(scratch.path + "/from/pipe", 0o600) == 0)
        let bytes = try Self.packed("/from", scratch.tree)
        #expect(bytes.count % 512 == 0)
        #expect(Self.unpack(bytes, into: scratch) == "")
        let names = scratch.names
        let copied = names.filter { $0.hasPrefix("/to/from/") }.map { String($0.dropFirst(3)) }
        #expect(copied == names.filter { $0.hasPrefix("/from/") })
        #expect(try Self.packed("/to/from", scratch.tree) == bytes)
        // A single file goes by its own name, and through a link by that of what it leads to.
        scratch.make(link: "/zip", to: "from/zero")
        #expect(try Self.packed("/zip", scratch.tree).prefix(5) == Array("zero\u{0}".utf8)[...])
    }

    /// The machine's own tar understands what is packed, and what it packs is understood.
    @Test func agreesWithTar() throws {
        let scratch = try ScratchTree()
        for folder in ["/from", "/out", "/to"] { scratch.make(folder: folder) }
        try scratch.make(file: "/from/\(String(repeating: "ü", count: 100))", "text")
        scratch.make(link: "/from/l", to: String(repeating: "t", count: 180))
        let bytes = try Self.packed("/from", scratch.tree)
        try scratch.tree.write(bytes, to: "/a.tar")
        let root = scratch.path
        #expect(system("tar -xf \(root)/a.tar -C \(root)/out && tar -C \(root)/out -cf \(root)/b.tar from") == 0)
        #expect(Self.unpack(try scratch.tree.read("/b.tar"), into: scratch) == "")
        let names = scratch.names
        for copy in ["/out/from/", "/to/from/"] {
            let copied = names.filter { $0.hasPrefix(copy) }.map { "/from/" + $0.dropFirst(copy.count) }
            #expect(copied == names.filter { $0.hasPrefix("/from/") })
        }
    }
}
