import GEM
import Glibc
import Synchronization
import Testing
import Transport

@testable import Images

@Suite struct RegistryTests {
    /// An image of two layers in `store`.
    private func makeImage(_ scratch: Scratch, _ store: ImageStore, _ name: String) throws -> Image {
        let base = try store.importRootFilesystem(TestImages.noBash, name: "base")
        try Files.makeFolder(scratch.path + "/upper")
        _ = try scratch.write("upper/added", Array("by a commit".utf8))
        return try store.add(layer: scratch.path + "/upper", over: base, configuration: base.configuration, name: name)
    }

    @Test(arguments: [nil, RegistryLogin(username: "alice", password: #"p"a\s:s"#)])
    func pushedImagesCanBePulled(login: RegistryLogin?) async throws {
        let scratch = try Scratch()
        let registry = try LocalRegistry(scratch, login: login)
        let store = try scratch.store()
        let name = "\(registry.host)/team/tool:1"
        _ = try makeImage(scratch, store, name)
        let pushed = try await store.push(name, to: registry.configuration, login: login)
        #expect(pushed.name == name)

        let progress = Mutex(TransferProgress())
        let other = try ImageStore(folder: scratch.path + "/other")
        let pulled = try await other.image(name, pull: .missing, from: registry.configuration, login: login) { now in
            progress.withLock { $0 = now }
        }
        #expect(pulled.layers.count == 2)
        #expect(describe(pulled.layers[0] + "/added").hasSuffix("by a commit"))
        #expect(describe(pulled.layers[1] + "/bin/sh") == "link busybox")
        let last = progress.withLock { $0 }
        #expect(last.layersDone == 2 && last.bytesDone == last.bytes && last.bytes > 500_000)
        // What was made here keeps its digest on the way.
        #expect(try store.resolve(name)?.layerDigests.last == pulled.layerDigests.last)

        // By the manifest's digest, without a tag; and again, which fetches nothing.
        let byDigest = "\(registry.host)/team/tool@\(pushed.digest)"
        let same = try await other.image(byDigest, pull: .missing, from: registry.configuration, login: login)
        #expect(same.digest == pulled.digest && same.layers == pulled.layers && same.names.count == 2)
        #expect(try await other.image(byDigest, pull: .never, from: registry.configuration).digest == pulled.digest)

        // Pushed once more under another name, its layers are taken over: the same digests.
        _ = try other.tag(name, as: "\(registry.host)/else/where:2")
        let again = try await other.push("\(registry.host)/else/where:2", to: registry.configuration, login: login)
        #expect(again.digest == pushed.digest)
        if login != nil {
            for wrong in [nil, RegistryLogin(username: "alice", password: "guess")] {
                let error = await #expect(throws: Failure.self) {
                    try await other.image(name, pull: .always, from: registry.configuration, login: wrong)
                }
                #expect(error?.kind == .invalidArgument)
                #expect(error?.message.hasPrefix("Failed to pull image \(name). ") == true, "\(error?.message ?? "")")
                #expect(error?.message.contains("guess") == false)
            }
        }
    }

    @Test func failedPullsSayWhyAndLeaveNothing() async throws {
        let scratch = try Scratch()
        let registry = try LocalRegistry(scratch)
        let source = try ImageStore(folder: scratch.path + "/source")
        let name = "\(registry.host)/tool:1"
        _ = try makeImage(scratch, source, name)
        _ = try await source.push(name, to: registry.configuration)

        let store = try scratch.store()
        let closed = "127.0.0.1:1"
        var both = registry.configuration
        both.insecure.append(closed)
        let cases: [(name: String, rule: PullRule, kind: Failure.Kind, words: String)] = [
            ("\(registry.host)/tool:absent", .missing, .notFound, "has no tool:absent"),
            ("\(registry.host)/absent", .always, .notFound, "has no absent:latest"),
            ("\(closed)/tool:1", .missing, .infraFailed, "onnect"),
            (name, .never, .notFound, "never"),
            ("Not A Name", .missing, .invalidArgument, "no image name"),
        ]
        for example in cases {
            let error = await #expect(throws: Failure.self) {
                try await store.image(example.name, pull: example.rule, from: both)
            }
            #expect(error?.kind == example.kind, "\(error?.message ?? "")")
            #expect(error?.message.hasPrefix("Failed to pull image \(example.name). ") == true)
            #expect(error?.message.contains(example.words) == true, "\(error?.message ?? "")")
        }

        // A registry whose disk went bad: the layer is not the one that its manifest names.
        let digest = try #require(try source.resolve(name)?.layerDigests.last)
        let layer = try #require(try LayerRecord(source.layerPath(digest)))
        let blob = registry.blob(try #require(layer.blobs.first).digest)
        var bytes = try #require(try Files.read(blob))
        bytes[bytes.count / 2] ^= 1
        try Files.replace(blob, with: bytes)
        await #expect(throws: Failure.self) { try await store.image(name, pull: .missing, from: both) }
        #expect(try scratch.leftovers().isEmpty)
    }

    @Test func mirrorsAreAskedFirst() async throws {
        let scratch = try Scratch()
        let registry = try LocalRegistry(scratch)
        let source = try ImageStore(folder: scratch.path + "/source")
        _ = try makeImage(scratch, source, "\(registry.host)/library/tool:1")
        _ = try await source.push("\(registry.host)/library/tool:1", to: registry.configuration)
        var configuration = registry.configuration
        configuration.mirrors = ["127.0.0.1:1", registry.host]
        configuration.insecure.append("127.0.0.1:1")
        configuration.registry = "127.0.0.1:1"
        let store = try scratch.store()
        #expect(try await store.image("tool:1", pull: .missing, from: configuration).layers.count == 2)
        #expect(try store.images().first?.names == ["tool:1"])
    }

    @Test(
        arguments: [
            (
                #"Bearer realm="https://a/t",service="s",scope="repository:a:pull,push""#,
                Challenge.bearer(realm: "https://a/t", service: "s", scope: "repository:a:pull,push")
            ),
            (#"bearer service=s , realm="x\"y""#, .bearer(realm: #"x"y"#, service: "s ", scope: nil)),
            (#"Basic realm="r""#, .basic), ("Negotiate", nil), ("Bearer", nil), ("Bearer service=\"", nil),
        ] as [(String, Challenge?)])
    func challengesAreRead(header: String, challenge: Challenge?) { #expect(Challenge(header) == challenge) }
}
