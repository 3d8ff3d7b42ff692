import GEM
import Glibc
import Synchronization
import Tar
import Testing
import Transport

@testable import Images

/// Runs no command: writes down what it was asked for, and makes a file in the layer.
private final class RecordingRunner: BuildRunner {
    let commands = Mutex<[BuildCommand]>([])
    let status: Int32

    init(status: Int32 = 0) { self.status = status }

    func run(_ command: BuildCommand, output: @escaping @Sendable ([UInt8]) -> Void) async throws(Failure) -> Int32 {
        commands.withLock { $0.append(command) }
        output(Array("ran\n".utf8))
        let content = Array(command.arguments.joined(separator: " ").utf8)
        let scratch: Scratch
        do { scratch = try Scratch() } catch { throw failure(error) }
        try Files.replace("\(scratch.path)/made-by-\(command.arguments.count)", with: content)
        if status == 0 { try command.capture(scratch.path) }
        return status
    }
}

@Suite struct BuildTests {
    private let scratch: Scratch
    private let store: ImageStore

    init() throws {
        scratch = try Scratch()
        store = try scratch.store()
        let members: [Member] = [
            .folder("usr/bin"), .link("bin", to: "usr/bin"), .folder("tmp", mode: 0o1777), .folder("etc"),
            .file("etc/passwd", "root:x:0:0::/:/bin/sh\nalice:x:1001:1002::/:/bin/sh\n"),
            .file("etc/group", "staff:x:50:\n"), .link("escape", to: "/../../../../.."),
        ]
        var configuration = ImageConfiguration()
        configuration.environment = ["PATH=/bin", "LEVEL=base"]
        configuration.command = ["/bin/base"]
        _ = try store.importRootFilesystem(try scratch.tar(members), name: "base", configuration: configuration)
        for folder in ["context", "context/src", "context/src/deep"] {
            try Files.makeFolder("\(scratch.path)/\(folder)")
        }
        for (name, content) in [
            ("src/a.py", "a"), ("src/b.py", "b"), ("src/deep/c.py", "c"), ("src/skip.log", "s"), ("top.txt", "t"),
            (".dockerignore", "**/*.log\nsecret*\n!secret-not\n"), ("secret-key", "k"), ("secret-not", "n"),
        ] {
            _ = try scratch.write("context/\(name)", Array(content.utf8))
        }
    }

    private func build(
        _ text: String, runner: (any BuildRunner)? = nil, _ change: (inout BuildRequest) -> Void = { _ in },
        report: @escaping @Sendable (BuildEvent) -> Void = { _ in }
    ) async throws -> Image {
        var request = BuildRequest(
            folder: scratch.path + "/context", dockerfile: try Dockerfile(text, name: "Dockerfile"), name: "built")
        change(&request)
        return try await store.build(request, runner: runner, report: report)
    }

    /// What is at a path in an image, the layers seen as one.
    private func see(_ path: String, in image: Image) throws -> String {
        let union = try FileUnion(image.layers)
        guard let node = union.node(FileUnion.parts(path)) else { return "nothing" }
        return describe(image.layers[node.layer] + "/" + node.path.map(\.text).joined(separator: "/"))
            + (node.status.st_uid == 0 && node.status.st_gid == 0 ? "" : " \(node.status.st_uid):\(node.status.st_gid)")
    }

    @Test func copies() async throws {
        let image = try await build(
            """
            # syntax=anything
            FROM base
            COPY src /app/
            COPY --chown=alice:staff --chmod=700 top.txt /bin/tool
            COPY src/*.py top.txt /tmp/
            COPY --chown=alice ["top.txt", "/home/new name"]
            COPY secret* /s/
            COPY top.txt /escape/out
            WORKDIR rel/ative
            COPY top.txt .
            """)
        let expected = [
            "app": "folder 755", "app/a.py": "file 644 a", "app/deep/c.py": "file 644 c", "app/skip.log": "nothing",
            "bin": "link usr/bin", "usr/bin/tool": "file 700 t 1001:50", "tmp": "folder 1777", "tmp/a.py": "file 644 a",
            "tmp/top.txt": "file 644 t", "tmp/c.py": "nothing", "home/new name": "file 644 t 1001:1002",
            "s/secret-not": "file 644 n", "s/secret-key": "nothing", "out": "file 644 t",
            "rel/ative/top.txt": "file 644 t",
        ]
        for (path, what) in expected { #expect(try see(path, in: image) == what, "\(path)") }
        #expect(image.configuration.workingDirectory == "/rel/ative")
        #expect(image.configuration.command == ["/bin/base"])
    }

    @Test func instructionsMakeTheConfiguration() async throws {
        let events = Mutex<[BuildEvent]>([])
        let image = try await build(
            #"""
            ARG TAG=latest
            FROM base:${TAG} AS first
            ARG VERSION=1 UNSET
            ENV A="one two" B=${VERSION:-none} C='$raw' D=${UNSET:+set}x LEVEL=own
            ENV OLD style value
            LABEL maker="me $A"
            EXPOSE 8080 53/udp
            VOLUME ["/data"]
            USER alice
            ENTRYPOINT ["/bin/run", "-x"]
            SHELL ["/bin/bash", "-c"]
            CMD echo $HOME \
              # a comment between
              and more
            HEALTHCHECK NONE
            """#, { $0.arguments = ["VERSION": "7", "UNUSED": "x"] },
            report: { event in events.withLock { $0.append(event) } })
        let configuration = image.configuration
        #expect(
            configuration.environment == [
                "PATH=/bin", "LEVEL=own", "A=one two", "B=7", "C=$raw", "D=x", "OLD=style value",
            ])
        #expect(configuration.labels == ["maker": "me one two"])
        #expect(configuration.exposedPorts == ["8080/tcp", "53/udp"] && configuration.volumes == ["/data"])
        #expect(configuration.user == "alice" && configuration.entrypoint == ["/bin/run", "-x"])
        #expect(configuration.command == ["/bin/bash", "-c", "echo $HOME   and more"])
        let notices = events.withLock { $0 }.compactMap { if case .notice(let text) = $0 { text } else { nil } }
        #expect(notices.count == 3 && notices[0].hasPrefix("Dockerfile:8: VOLUME"))
        #expect(try store.resolve("built")?.digest == image.digest)
    }

    @Test func commandsRunOnce() async throws {
        let runner = RecordingRunner()
        let text = """
            FROM base AS maker
            ARG WHO=me
            ENV E=1
            RUN make $WHO
            RUN ["exec", "form"]
            FROM base
            COPY --from=maker /made-by-3 /result/
            COPY --from=0 made-by-2 /result/
            """
        let image = try await build(text, runner: runner)
        let commands = runner.commands.withLock { $0 }
        #expect(commands.map(\.arguments) == [["/bin/sh", "-c", "make $WHO"], ["exec", "form"]])
        #expect(commands[0].environment == ["WHO=me", "PATH=/bin", "LEVEL=base", "E=1"])
        #expect(commands[1].layers.count == 2 && commands[0].layers == Array(commands[1].layers.dropFirst()))
        #expect(try see("result/made-by-3", in: image) == "file 600 /bin/sh -c make $WHO")
        #expect(try see("result/made-by-2", in: image) == "file 600 exec form")
        #expect(try see("made-by-3", in: image) == "nothing")

        let steps = Mutex(0)
        let again = try await build(text, runner: runner, { _ in }) { event in
            if case .step(_, _, _, isCached: true) = event { steps.withLock { $0 += 1 } }
        }
        #expect(runner.commands.withLock { $0.count } == 2 && steps.withLock { $0 } == 2)
        #expect(again.layerDigests == image.layerDigests)
        _ = try await build(text, runner: runner, { $0.arguments = ["WHO": "you"] })
        #expect(runner.commands.withLock { $0.count } == 4)
        #expect(try await build(text, runner: runner, { $0.target = "maker" }).layers.count == 3)
        // With their layers, the steps are forgotten.
        #expect(try store.remove("built").layers > 0)
        _ = try store.prune()
        _ = try await build(text, runner: runner)
        #expect(runner.commands.withLock { $0.count } > 4)
    }

    @Test(arguments: [
        ("RUN x", 1), ("FROM base\nRUN x", 2), ("FROM base\nCOPY absent /", 2), ("FROM base\nCOPY ../etc /", 2),
        ("FROM base\n\n# c\nONBUILD RUN x", 4), ("FROM base\nRUN <<EOF\nx\nEOF", 2), ("FROM base\nCOPY --bad=1 a /", 2),
        ("FROM base\nADD https://a/b /", 2), ("FROM base\nCOPY --chown=nobody-here top.txt /", 2),
        ("FROM base\nCOPY --from=none a /", 2), ("FROM base\nENV A", 2), ("FROM base\nENV A=\"open", 2), ("FROM", 1),
        ("FROM base AS", 1), ("FROM --platform=linux/s390x base", 1), ("FROM base\nCOPY src/a.py src/b.py /one", 2),
        ("FROM base\nWORKDIR /etc/passwd", 2), ("FROM base\nCOPY top.txt /etc/passwd/x", 2), ("FROM base\nlocal x", 2),
        ("FROM base\nSHELL bash", 2), ("FROM base\nENV A=${B!x}", 2), ("FROM base\nCOPY secret-key /", 2),
        ("FROM base\nRUN --mount=type=cache x", 2), ("FROM base\nCOPY x", 2), ("FROM base\n1x y", 2),
    ])
    func failuresNameTheLine(text: String, line: Int) async throws {
        let before = try store.images().map(\.digest)
        let error = await #expect(throws: Failure.self) { try await build(text) }
        #expect(error?.message.hasPrefix("Dockerfile:\(line): ") == true, "\(error?.message ?? "")")
        #expect(try store.images().map(\.digest) == before)
        #expect(try Files.names(in: store.folder + "/temporary").isEmpty)
    }

    @Test func aCommandThatFailsEndsTheBuild() async throws {
        let error = await #expect(throws: Failure.self) {
            try await build("FROM base\nRUN false", runner: RecordingRunner(status: 7))
        }
        #expect(error?.message == "Dockerfile:2: the command ended with status 7: false")
        #expect(try store.resolve("built") == nil)
    }

    @Test func addUnpacksTars() async throws {
        _ = try scratch.tar([.file("in/side", "i"), .hardLink("in/hard", to: "in/side")], "context/files.tar")
        let image = try await build("FROM base\nADD files.tar top.txt /bin/\nCOPY files.tar /plain")
        #expect(try see("usr/bin/in/hard", in: image) == "file 644 i")
        #expect(try see("usr/bin/top.txt", in: image) == "file 644 t")
        #expect(try see("plain", in: image).hasPrefix("file 644"))
        _ = try scratch.tar([.file("../../out", "x")], "context/evil.tar")
        await #expect(throws: Failure.self) { try await build("FROM base\nADD evil.tar /bin/") }
    }

    @Test func buildsFromScratch() async throws {
        let image = try await build("FROM scratch\nCOPY top.txt /\nCMD [\"/top.txt\"]")
        #expect(image.layers.count == 1 && image.configuration.environment.isEmpty)
        await #expect(throws: Failure.self) { try await build("FROM scratch\nENV A=1") }
    }
}
