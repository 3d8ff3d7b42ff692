import GEM
import Glibc
import Testing
import Transport

@testable import Images

@Suite struct ImageStoreTests {
    @Test func importsRealRootFilesystems() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        for path in [TestImages.python, TestImages.noBash, TestImages.empty] {
            let name = "test:" + (path.split(separator: "/").last ?? "").dropLast(4)
            let image = try store.importRootFilesystem(path, name: name)
            #expect(try store.resolve(name)?.digest == image.digest)
            #expect(image.layers.count == 1)
        }
        let python = try #require(try store.resolve("test:python-3.11"))
        let root = python.layers[0]
        #expect(describe(root + "/bin") == "link usr/bin")
        #expect(describe(root + "/usr/local/bin/python3") == "link /usr/bin/python3")
        #expect(describe(root + "/usr/bin/passwd").hasPrefix("file 4755"))
        #expect(describe(root + "/tmp") == "folder 1777")
        #expect(describe(root + "/dev/null") == "nothing")
        #expect(python.configuration.environment == [ImageConfiguration.defaultPath])
        #expect(python.size > 100 << 20)
        // The layer's digest is that of the tar, as every other program has it.
        var hasher = SHA256Hasher()
        hasher.update(try #require(try Files.read(TestImages.noBash)))
        #expect(try store.resolve("test:nobash")?.layerDigests == [hasher.finish()])
    }

    @Test(arguments: ["gzip", "zstd", "xz"]) func readsCompressedTars(program: String) throws {
        let scratch = try Scratch()
        let plain = try scratch.tar([.file("a", String(repeating: "content ", count: 100_000))])
        let packed = scratch.path + "/packed"
        let input = try Files.open(plain, O_RDONLY)
        let output = try Files.open(packed, O_WRONLY | O_CREAT)
        let run = try Program([program, "-c"], input: input.rawValue, output: output.rawValue)
        #expect(run.wait().status == 0)
        let store = try scratch.store()
        let image = try store.importRootFilesystem(packed, name: "packed")
        #expect(image.layerDigests == [Digest(of: try #require(try Files.read(plain)))])

        // Cut short, it is refused, and nothing stays.
        let whole = try #require(try Files.read(packed))
        let cut = try scratch.write("cut", Array(whole.dropLast(whole.count / 2)))
        #expect(throws: Failure.self) { try store.importRootFilesystem(cut, name: "cut") }
        #expect(try store.resolve("cut") == nil)
        #expect(try Files.names(in: store.folder + "/temporary").isEmpty)
    }

    @Test func namesLeadToImages() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let image = try store.importRootFilesystem(try scratch.tar([.file("a", "1")]), name: "python:3.11")
        let hex = image.digest.dropFirst(7)
        let spellings = [
            "python:3.11", "docker.io/library/python:3.11", "library/python:3.11", image.digest, String(hex.prefix(12)),
            String(hex),
        ]
        for name in spellings { #expect(try store.resolve(name)?.digest == image.digest, "\(name)") }
        for name in [
            "python", "python:3.12", "localhost:5000/python:3.11", "sha256:" + String(repeating: "0", count: 64),
        ] {
            #expect(try store.resolve(name) == nil, "\(name)")
        }
        #expect(throws: Failure.self) { try store.resolve("Python:3.11") }
        #expect(
            try store.tag("python:3.11", as: "localhost:5000/team/py").names == [
                "python:3.11", "localhost:5000/team/py:latest",
            ])
        #expect(try store.images().map(\.names) == [["python:3.11", "localhost:5000/team/py:latest"]])
    }

    @Test func layersAreSharedAndGoWithTheirLastImage() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let base = try store.importRootFilesystem(try scratch.tar([.file("base", "1")]), name: "base")
        let upper = scratch.path + "/upper"
        try Files.makeFolder(upper)
        _ = try scratch.write("upper/added", Array("2".utf8))
        let child = try store.add(layer: upper, over: base, configuration: base.configuration, name: "child")
        #expect(child.layers.count == 2 && child.layers[1] == base.layers[0])
        #expect(describe(child.layers[0] + "/added").hasSuffix(" 2"))
        #expect(try Files.names(in: store.folder + "/layers").count == 2)

        #expect(try store.remove("base").layers == 0)
        #expect(try store.resolve("child")?.layers == child.layers)
        let report = try store.remove("child")
        #expect(report.layers == 2 && report.images == [child.digest] && report.names == ["child:latest"])
        #expect(try scratch.leftovers().isEmpty)
    }

    @Test func whatASandboxUsesStays() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        _ = try store.importRootFilesystem(try scratch.tar([.file("a", "1")]), name: "used")
        #expect(try store.lease("used", to: "sandbox-1") != nil)
        #expect(try store.lease("absent", to: "sandbox-2") == nil)
        // Another process's store, opened after a crash of this one.
        let other = try scratch.store()
        #expect(try other.holders() == ["sandbox-1"])
        #expect(throws: Failure.self) { try other.remove("used") }
        var everything = PruneRule()
        everything.unusedSeconds = 0
        #expect(try other.prune(everything).images.isEmpty)
        // A new image takes the name: the old one has none, and stays all the same.
        _ = try store.importRootFilesystem(try scratch.tar([.file("a", "2")]), name: "used")
        #expect(try store.prune().images.isEmpty)
        try store.release("sandbox-1")
        try store.release("sandbox-1")
        #expect(try store.prune().images.count == 1)
        for holder in ["", "..", "a/b", String(repeating: "x", count: 201)] {
            #expect(throws: Failure.self) { try store.lease("used", to: holder) }
        }
    }

    @Test func prunesByAgeAndSize() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        for (place, name) in ["oldest", "older", "newest"].enumerated() {
            let content = String(repeating: name, count: 1000)
            let image = try store.importRootFilesystem(try scratch.tar([.file("a", content)]), name: name)
            let time = timespec(tv_sec: 1_700_000_000 + place * 1000, tv_nsec: 0)
            let path = store.imagePath(try #require(Digest(image.digest)))
            #expect(utimensat(AT_FDCWD, path, [time, time], 0) == 0)
        }
        var rule = PruneRule()
        rule.keepBytes = 13_000
        #expect(try store.prune(rule).names == ["oldest:latest"])
        rule.keepBytes = 0
        rule.keepNames = ["older"]
        #expect(try store.prune(rule).names == ["newest:latest"])
        rule = PruneRule()
        rule.unusedSeconds = 1 << 40
        #expect(try store.prune(rule).names.isEmpty)
        rule.unusedSeconds = 60
        #expect(try store.prune(rule).names == ["older:latest"])
        #expect(try store.totalBytes() == 0)
    }

    @Test func workInProgressIsClearedAfterACrash() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let work = try store.beginWork()
        try Files.makeFolder(store.folder + "/temporary/work-crashed")
        try Files.makeFolder(store.folder + "/temporary/work-crashed/layers")
        _ = try scratch.store()
        #expect(
            try Files.names(in: store.folder + "/temporary") == [String(work.path.split(separator: "/").last ?? "")])
    }
}
