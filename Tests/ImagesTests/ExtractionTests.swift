import CImages
import GEM
import Glibc
import Tar
import Testing
import Transport

@testable import Images

@Suite struct ExtractionTests {
    /// Tars that try to reach outside, and the places outside that they aim at.
    private static func hostile(_ outside: String) -> [[Member]] {
        [
            [.file("../outside/escaped", "x")],
            [.file("/../../\(outside)/escaped", "x")],
            [.file("a/../../outside/escaped", "x")],
            [.hardLink("b", to: "../outside/secret")],
            [.hardLink("b", to: "/\(outside)/secret")],
            [.link("door", to: outside), .hardLink("b", to: "door/secret")],
            [.link("door", to: outside), .file("door/escaped", "x")],
            [.link("door", to: outside), .folder("door/escaped")],
            [.link("door", to: outside), .file("door/.wh.secret")],
            [.link("door", to: "../../../../../../../../../../.."), .file("door\(outside)/escaped", "x")],
            [.link("a", to: "/proc/self/cwd"), .file("a/escaped", "x")],
            [.link("a", to: "/proc/self/fd/1"), .file("a", "x")],
            [.link("secret", to: outside + "/secret"), .file("secret", "overwritten")],
            [.file(".wh...")], [.file(".wh..")], [.file(".wh.")],
            [.file(String(repeating: "x", count: 256))],
            [.file(String(repeating: "a/", count: 2049) + "b")],
            [.of(.hardLink, "missing", "nothing")],
            [.file("file"), .file("file/below")],
            [.file("..")], [.file(".")], [.file("/")],
            [.of(.other(UInt8(ascii: "S")), "sparse")],
            [.link("loop", to: "loop"), .file("loop/below")],
        ]
    }

    @Test(arguments: 0..<25) func nothingLeavesTheFolder(number: Int) throws {
        let scratch = try Scratch()
        let outside = scratch.path + "/outside"
        try Files.makeFolder(outside)
        _ = try scratch.write("outside/secret", Array("secret".utf8))
        let cases = Self.hostile(outside)
        #expect(cases.count == 25)
        let store = try scratch.store()
        do {
            let image = try store.importRootFilesystem(try scratch.tar(cases[number]), name: "hostile")
            // What is not refused has been made below the root, and refers to nothing outside.
            #expect(describe(image.layers[0]).hasPrefix("folder"))
        } catch let failure as Failure {
            #expect(failure.kind == .invalidArgument, "\(failure.message)")
            #expect(try scratch.leftovers().isEmpty)
        }
        #expect(try Files.names(in: outside) == ["secret"])
        #expect(describe(outside + "/secret").hasSuffix(" secret"))
        var status = stat()
        #expect(stat(outside + "/secret", &status) == 0 && status.st_nlink == 1)
    }

    @Test func keepsWhatARootFilesystemHas() throws {
        let scratch = try Scratch()
        let long = String(repeating: "long-name/", count: 30) + "end"
        let owned = Member.file("owned", "o", mode: 0o4755).with {
            ($0.user, $0.group, $0.modified) = (1234, 3_000_000, 1_000_000_000)
            $0.attributes = [
                ("user.note", Array("kept".utf8)), ("user.overlay.opaque", Array("y".utf8)),
                ("trusted.overlay.redirect", Array("/etc".utf8)),
            ]
        }
        let path = try scratch.tar([
            .folder("./", mode: 0o700), owned, .file(long, "deep"), .link("l", to: "/absolute"),
            .hardLink("h", to: "./owned"), .of(.fifo, "pipe"), .of(.device, "null"), .folder("d", mode: 0o1777),
            .file("twice", "1"), .file("twice", "2"), .folder("d2"), .file("d2/x"), .file("d2", "now a file"),
            .link("d3", to: "d"), .folder("d3"), .file("d3/y", "y"),
        ])
        let image = try scratch.store().importRootFilesystem(path, name: "all")
        let root = image.layers[0]
        let expected = [
            "": "folder 700", "/owned": "file 4755 o", "/\(long)": "file 644 deep", "/l": "link /absolute",
            "/h": "file 4755 o", "/pipe": "fifo", "/null": "nothing", "/d": "folder 1777", "/twice": "file 644 2",
            "/d2": "file 644 now a file", "/d3": "folder 755", "/d3/y": "file 644 y", "/d/y": "nothing",
        ]
        for (name, what) in expected { #expect(describe(root + name) == what, "\(name)") }
        var status = stat()
        #expect(stat(root + "/owned", &status) == 0 && status.st_nlink == 2 && status.st_mtim.tv_sec == 1_000_000_000)
        if geteuid() == 0 { #expect(status.st_uid == 1234 && status.st_gid == 3_000_000) }
        let file = try Files.open(root + "/owned", O_RDONLY)
        var names = [CChar](repeating: 0, count: 4096)
        let count = rock_image_list_attributes(file.rawValue, &names, names.count)
        #expect(names.prefix(Int(count)).split(separator: 0).map { ($0 + [0]).map(\.self).name } == ["user.note"])
    }

    @Test func whiteoutsBecomeOverlaysAndBack() throws {
        let scratch = try Scratch()
        let members: [Member] = [
            .folder("gone-below"), .file("gone-below/.wh..wh..opq"), .file("gone-below/new", "n"), .file(".wh.removed"),
            .file("stays", "s"), .file(".wh.stays"), .file(".wh.replaced"), .folder("replaced"), .file(".wh..wh.plnk"),
        ]
        let store = try scratch.store()
        let image = try store.importRootFilesystem(try scratch.tar(members), name: "layer")
        let root = image.layers[0]
        let expected = [
            "removed": "whiteout", "stays": "file 644 s", "replaced": "folder 755", "gone-below/new": "file 644 n",
            ".wh.removed": "nothing",
        ]
        for (name, what) in expected { #expect(describe("\(root)/\(name)") == what, "\(name)") }
        for name in ["gone-below", "replaced"] {
            let folder = try Files.open("\(root)/\(name)", O_RDONLY | O_DIRECTORY)
            var value: UInt8 = 0
            #expect(rock_image_get_attribute(folder.rawValue, Overlay.opaqueForUsers, &value, 1) == 1, "\(name)")
        }
        // And back: the same members, in the order of their names.
        let again = scratch.path + "/again.tar"
        _ = try LayerArchiver.write(folder: root, to: again)
        let file = try Files.open(again, O_RDONLY)
        var reader = TarReader(ByteStream(file.rawValue, again, limit: 1 << 20), again, entryLimit: 100)
        var paths: [String] = []
        while let entry = try reader.next() { paths.append(entry.path.text) }
        #expect(
            paths == [
                "./", "gone-below/", "gone-below/.wh..wh..opq", "gone-below/new", ".wh.removed", "replaced/",
                "replaced/.wh..wh..opq", "stays",
            ])
    }

    @Test func limitsHold() throws {
        let scratch = try Scratch()
        var limits = ImageLimits()
        limits.layerEntries = 3
        limits.layerBytes = 10_240
        let store = try scratch.store(limits)
        for (members, kind) in [
            ((0..<4).map { Member.file("\($0)") }, Failure.Kind.tooLarge),
            ([.file("big", String(repeating: "x", count: 20_000))], .tooLarge),
        ] {
            let path = try scratch.tar(members)
            let error = #expect(throws: Failure.self) { try store.importRootFilesystem(path, name: "big") }
            #expect(error?.kind == kind)
        }
        #expect(try scratch.leftovers().isEmpty)
    }

    @Test func damagedTarsAreRefused() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let sound = try #require(try Files.read(try scratch.tar([.file("a", String(repeating: "x", count: 5000))])))
        var flipped = sound
        flipped[130] ^= 1
        var number = sound
        number[124] = UInt8(ascii: "z")
        let cases: [[UInt8]] = [
            flipped, number, Array(sound.prefix(700)), Array(sound.prefix(3000)), Array(sound.prefix(100)),
            Array("#!/bin/sh\n".utf8) + [UInt8](repeating: 0x41, count: 5000),
        ]
        for (place, bytes) in cases.enumerated() {
            let path = try scratch.write("damaged-\(place)", bytes)
            let error = #expect(throws: Failure.self, "\(place)") { try store.importRootFilesystem(path, name: "d") }
            #expect(error?.kind == .invalidArgument, "\(place)")
        }
        #expect(try scratch.leftovers().isEmpty)
    }
}
