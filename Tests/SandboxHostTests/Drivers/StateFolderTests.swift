import GEM
import Glibc
import Testing

@testable import SandboxHost

struct StateFolderTests {
    @Test func findsAgainWhatWasWritten() async throws {
        try await withFolder { sandboxes in
            let id = try #require(SandboxID(rawValue: "one"))
            let folder = StateFolder(id, in: sandboxes)
            try #require(mkdir(folder.path, 0o700) == 0)
            defer { removeFolder(folder.path) }

            var state = StateFolder.State(driver: "jail", specification: specification(id))
            for network in [NetworkPolicy.none, .outbound, .allow(["pypi.org:443", "10.0.0.0/8"])] {
                var specification = state.specification
                specification.network = network
                state = StateFolder.State(driver: "jail", specification: specification)
                state.process = 4711
                state.processStart = .max
                state.ports = [8080: 40001, 22: 65535]
                state.imageDigest = "sha256:0123"
                state.details = ["layer": "x"]
                try folder.write(state)
                #expect(folder.read() == state)
            }
            #expect(StateFolder.all(in: sandboxes).map(\.id) == [id])
            #expect(KernelFile.names(in: folder.path) == ["state.json"])
        }
    }

    @Test func keepsNoPassword() async throws {
        try await withFolder { sandboxes in
            let id = try #require(SandboxID(rawValue: "one"))
            let folder = StateFolder(id, in: sandboxes)
            try #require(mkdir(folder.path, 0o700) == 0)
            defer { removeFolder(folder.path) }
            var specification = specification(id)
            specification.credentials = RegistryCredentials(username: "me", password: "hunter2")
            try folder.write(StateFolder.State(driver: "docker", specification: specification))
            #expect(KernelFile.read(folder.path + "/state.json")?.contains("hunter2") == false)
        }
    }

    /// Nothing that lies there in a state file's place may be taken for one, or stop the start of the server.
    @Test(arguments: [
        "", "{", "[]", "{\"version\":1}", "{\"version\":2}", "\u{0}", #"{"version":1,"driver":"docker"}"#,
    ])
    func readsNoGarbage(_ text: String) async throws {
        try await withFolder { sandboxes in
            let folder = StateFolder(try #require(SandboxID(rawValue: "one")), in: sandboxes)
            try #require(mkdir(folder.path, 0o700) == 0)
            defer { removeFolder(folder.path) }
            #expect(folder.read() == nil)
            let file = creat(folder.path + "/state.json", 0o600)
            try #require(file >= 0)
            close(file)
            #expect(KernelFile.write(text, to: folder.path + "/state.json") == 0)
            #expect(folder.read() == nil)
        }
    }

    private func specification(_ id: SandboxID) -> SandboxSpecification {
        var limits = SandboxLimits(memoryBytes: 1 << 40, cpus: 0.25, diskBytes: 1 << 30)
        limits.processes = 7
        var specification = SandboxSpecification(id: id, image: "r.example:5000/a/b:1", limits: limits)
        specification.pull = .always
        specification.mounts = [SandboxMount(source: "/a \"b\"", target: "/c", isReadOnly: false)]
        specification.environment = ["A": "1\n2", "B": "é"]
        specification.labels = ["x": ""]
        specification.hostname = "h"
        specification.publishedPorts = [1, 65535]
        return specification
    }

    private func removeFolder(_ path: String) {
        for name in KernelFile.names(in: path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}
