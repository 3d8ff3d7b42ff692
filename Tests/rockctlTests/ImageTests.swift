import Foundation
import Testing

/// The image commands on a data directory of their own.
@Suite struct ImageTests {
    private let folder: String
    private static let images =
        #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/.build/test-images"

    init() throws {
        folder = NSTemporaryDirectory() + "rock-images-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/context", withIntermediateDirectories: true)
    }

    private func image(_ words: String..., input: String = "") throws -> Program {
        try Program.rockctl(
            ["image"] + words, input: input, variables: ["ROCK_DATA_DIR": folder + "/data", "HOME": folder])
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// From a tar to an image that a build makes with commands in jails, to an archive, and to nothing.
    @Test func fromATarToNothing() throws {
        defer { remove() }
        #expect(try image("import", Self.images + "/nobash.tar", "busybox:1").status == 0)
        let dockerfile = """
            FROM busybox:1
            ARG WORD
            COPY given /in/
            RUN cat /in/given && echo "$WORD of $(id -u)" > /made && rm /bin/vi && chown 7:8 /made
            USER 1000
            RUN id -u; cat /made; exit 0
            """
        try Data(dockerfile.utf8).write(to: URL(filePath: folder + "/context/Dockerfile"))
        try Data("given\n".utf8).write(to: URL(filePath: folder + "/context/given"))
        let built = try image("build", "--network", "none", "-t", "team/built", folder + "/context", "WORD=word")
        #expect(built.status == 0, "\(built.errors)")
        #expect(built.errors.contains("given\n") && built.errors.contains("1000\nword of 0\n"))
        let again = try image("build", "-t", "team/built", folder + "/context", "WORD=word")
        #expect(again.errors.components(separatedBy: "(done before)").count == 3 && again.output == built.output)

        let list = try image("list")
        #expect(list.output.contains("team/built:latest") && list.output.contains("busybox:1"))
        #expect(try image("inspect", "team/built").output.contains("user          1000"))
        let tar = folder + "/saved.tar"
        #expect(try image("save", "team/built", "-o", tar).status == 0)
        #expect(try image("tag", "team/built", "else:2").status == 0)
        #expect(try image("remove", "team/built", "busybox:1").output.contains("0 layers, 0 B freed"))
        #expect(try image("remove", "else:2").output.contains("removed the image sha256:"))
        #expect(try image("list", "--all", "--json").output == #"{"images":[],"total_bytes":0}"# + "\n")
        let imported = try image("import", tar)
        #expect(imported.output.hasPrefix("team/built:latest sha256:"))
        #expect(try image("prune", "--unused-days", "0").output.contains("removed the name team/built:latest"))
    }

    @Test func failuresHaveTheirStatus() throws {
        defer { remove() }
        let cases: [(words: [String], status: Int32, text: String)] = [
            (["inspect", "absent"], 4, "there is no image 'absent' here"),
            (["remove", "absent"], 4, "there is no image 'absent' here"),
            (["save", "absent"], 4, "there is no image 'absent' here"),
            (["push", "absent"], 4, "there is no image 'absent' here"),
            (["remove"], 2, "say which images"),
            (["build", "."], 2, "--tag"),
            (["build", "-t", "x", folder], 4, "there is no file"),
            (["import", folder + "/absent", "x"], 4, "annot read"),
            (["import", Self.images + "/empty.tar"], 1, "give the image one"),
            (["import", "-", "BAD"], 1, "no image name"),
            (["pull", "127.0.0.1:1/x"], 1, "ailed to pull image 127.0.0.1:1/x."),
        ]
        for example in cases {
            let run = try Program.rockctl(
                ["image"] + example.words, variables: ["ROCK_DATA_DIR": folder + "/data", "HOME": folder])
            #expect(run.status == example.status, "\(example.words): \(run.errors)")
            #expect(run.errors.contains(example.text), "\(example.words): \(run.errors)")
        }
    }

    @Test func aCommandThatFailsEndsTheBuild() throws {
        defer { remove() }
        #expect(try image("import", Self.images + "/nobash.tar", "busybox").status == 0)
        try Data("FROM busybox\nRUN echo before; exit 3\n".utf8).write(
            to: URL(filePath: folder + "/context/Dockerfile"))
        let built = try image("build", "--network", "none", "-t", "x", folder + "/context")
        #expect(built.status == 1 && built.errors.contains("before\n"))
        #expect(built.errors.contains("Dockerfile:2: the command ended with status 3"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/data/builds/0/sandboxes").isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/data/images/temporary").isEmpty)
    }
}
