import GEM
import Glibc
import Testing
import Transport

@testable import Images

@Suite struct ArchiveTests {
    @Test func savedImagesCanBeImported() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let base = try store.importRootFilesystem(
            try scratch.tar([.file("a", "1"), .folder("gone"), .file("gone/x")]), name: "base")
        try Files.makeFolder(scratch.path + "/upper")
        _ = try scratch.write("upper/b", Array("2".utf8))
        #expect(mknod(scratch.path + "/upper/gone", S_IFCHR, 0) == 0)
        var configuration = base.configuration
        configuration.entrypoint = ["/a"]
        configuration.user = "1000:1000"
        configuration.labels = ["maker": "test"]
        let image = try store.add(
            layer: scratch.path + "/upper", over: base, configuration: configuration, name: "team/two:1")
        let tar = scratch.path + "/saved.tar"
        _ = try store.save("team/two:1", to: tar)
        #expect(throws: Failure.self) { try store.save("team/two:1", to: tar) }

        // As a tar, and as a folder; with its own name and with another.
        let other = try ImageStore(folder: scratch.path + "/other")
        let named = try #require(try other.importImages(tar, name: nil).first)
        #expect(named.names == ["team/two:1"])
        #expect(named.layers.count == 2 && describe(named.layers[0] + "/gone") == "whiteout")
        #expect(named.configuration.entrypoint == ["/a"] && named.configuration.user == "1000:1000")
        #expect(named.configuration.labels == ["maker": "test"])
        #expect(named.layerDigests.last == image.layerDigests.last)
        try Files.makeFolder(scratch.path + "/layout")
        let unpack = try Program(
            ["tar", "-C", scratch.path + "/layout", "-xf", tar], input: STDIN_FILENO, output: STDERR_FILENO)
        #expect(unpack.wait().status == 0)
        #expect(unlink(scratch.path + "/layout/manifest.json") == 0)
        let renamed = try other.importImages(scratch.path + "/layout", name: "else:2")
        #expect(renamed.map(\.digest) == [named.digest])
        #expect(Set(renamed[0].names) == ["team/two:1", "else:2"])
        #expect(try Files.names(in: other.folder + "/temporary").isEmpty)
    }

    /// The members of an archive as `docker save` writes it, with one layer.
    private func archive(_ scratch: Scratch, _ change: (inout [String: [UInt8]]) -> Void) throws -> String {
        let layer = try #require(try Files.read(try scratch.tar([.file("a", "1")], "layer.tar")))
        let configuration = ImageConfiguration().oci(layers: [Digest(of: layer)]).serialized
        var files: [String: [UInt8]] = [
            "c.json": configuration, "l/layer.tar": layer,
            "manifest.json": Array(
                #"[{"Config":"c.json","RepoTags":["saved:1","also:2"],"Layers":["l/layer.tar"]}]"#.utf8),
        ]
        change(&files)
        return try scratch.tar(
            files.sorted { $0.key < $1.key }.map { Member.file($0.key, String(decoding: $0.value, as: UTF8.self)) },
            "archive.tar")
    }

    @Test func readsWhatDockerSaves() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let images = try store.importImages(try archive(scratch) { _ in }, name: nil)
        #expect(images.map(\.names) == [["also:2", "saved:1"]])
        #expect(describe(images[0].layers[0] + "/a") == "file 644 1")
    }

    @Test func refusesArchivesThatContradictThemselves() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let changes: [(inout [String: [UInt8]]) -> Void] = [
            { $0["l/layer.tar"] = nil }, { $0["c.json"] = nil }, { $0["c.json"] = Array("{}".utf8) },
            { $0["manifest.json"] = Array("[]".utf8) }, { $0["manifest.json"] = Array("nonsense".utf8) },
            { $0["manifest.json"] = Array(#"[{"Config":"c.json","Layers":["l/layer.tar","l/layer.tar"]}]"#.utf8) },
            { $0["manifest.json"] = Array(#"[{"Config":"../../../etc/passwd","Layers":["l/layer.tar"]}]"#.utf8) },
            { $0["l/layer.tar"]?[0] ^= 1 },
        ]
        for (place, change) in changes.enumerated() {
            let path = try archive(scratch, change)
            let error = #expect(throws: Failure.self, "\(place)") { try store.importImages(path, name: "x") }
            #expect(error?.kind == .invalidArgument, "\(place): \(error?.message ?? "")")
        }
        #expect(try scratch.leftovers().isEmpty)
    }

    @Test(arguments: [
        ("python", "docker.io/library/python:latest", "python:latest"),
        ("python:3.11", "docker.io/library/python:3.11", "python:3.11"),
        ("team/tool", "docker.io/team/tool:latest", "team/tool:latest"),
        ("docker.io/team/tool:1", "docker.io/team/tool:1", "team/tool:1"),
        ("localhost/a", "localhost/a:latest", "localhost/a:latest"),
        ("localhost:5000/a/b/c:x", "localhost:5000/a/b/c:x", "localhost:5000/a/b/c:x"),
        ("registry.example/a", "registry.example/a:latest", "registry.example/a:latest"),
        ("[::1]:5000/a:1", "[::1]:5000/a:1", "[::1]:5000/a:1"),
        ("a__b/c-d.e:F_1.2-3", "docker.io/a__b/c-d.e:F_1.2-3", "a__b/c-d.e:F_1.2-3"),
    ])
    func readsNames(text: String, whole: String, familiar: String) throws {
        let reference = try ImageReference(text)
        #expect(reference.description == whole && reference.familiar == familiar)
    }

    @Test(arguments: [
        "", ":", "/", "A", "a:", "a:-", "a//b", "a/", "/a", "-a", "a-", "a@sha256:12", "a@md5:0", "a b", "a:b:c",
        "localhost:0/a", "localhost:99999/a", "a..b", "a/../b", "é", "http://a/b",
        "a:\(String(repeating: "x", count: 129))",
    ])
    func refusesNames(text: String) { #expect(throws: Failure.self) { try ImageReference(text) } }
}
