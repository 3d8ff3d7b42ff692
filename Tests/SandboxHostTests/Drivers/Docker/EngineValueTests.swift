import GEM
import Glibc
import Testing

@testable import SandboxHost

/// The values that go to an engine and come from one.
struct EngineValueTests {
    @Test(arguments: [
        ("python", "python:latest", "https://index.docker.io/v1/"),
        ("python:3.11", "python:3.11", "https://index.docker.io/v1/"),
        ("team/tool", "team/tool:latest", "https://index.docker.io/v1/"),
        ("docker.io/library/python:3", "docker.io/library/python:3", "https://index.docker.io/v1/"),
        ("localhost/a:B_1", "localhost/a:B_1", "localhost"),
        ("r.example:5000/a/b:1", "r.example:5000/a/b:1", "r.example:5000"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000/a:latest", "127.0.0.1:5000"),
    ])
    func readsImageNames(_ text: String, _ reference: String, _ registry: String) throws {
        let name = try #require(ImageName(text))
        #expect(name.reference == reference)
        #expect(name.registry == registry)
    }

    @Test func readsDigests() throws {
        let digest = "sha256:" + String(repeating: "0a", count: 32)
        #expect(ImageName("a/b@" + digest)?.reference == "a/b@" + digest)
        #expect(ImageName("a/b:1@" + digest)?.tag == "1")
    }

    @Test(arguments: [
        "", "Python", "a b", "a:", ":a", "a:-b", "/a", "a/", "a//b", "../a", "a/..", "a?b=c", "a:b/c", "a@sha256:x",
        "a@b",
        "a#b", "ä", "a\n", "a:\(String(repeating: "x", count: 129))", String(repeating: "a", count: 2000),
    ])
    func refusesWhatIsNoImageName(_ text: String) { #expect(ImageName(text) == nil) }

    @Test func findsTheSocket() throws {
        let table: [(setting: String?, variables: [String: String], there: Set<String>, path: String?)] = [
            ("/a.sock", [:], [], "/a.sock"),
            ("unix:///a.sock", ["DOCKER_HOST": "unix:///b.sock"], [], "/a.sock"),
            (nil, ["DOCKER_HOST": "unix:///b.sock"], ["/var/run/docker.sock"], "/b.sock"),
            (nil, ["DOCKER_HOST": ""], ["/var/run/docker.sock", "/run/podman/podman.sock"], "/var/run/docker.sock"),
            (nil, [:], ["/run/podman/podman.sock"], "/run/podman/podman.sock"),
            (
                nil, ["XDG_RUNTIME_DIR": "/run/user/1"], ["/run/user/1/podman/podman.sock"],
                "/run/user/1/podman/podman.sock"
            ),
            (nil, [:], [], nil),
            ("tcp://1.2.3.4:2375", [:], [], nil),
            (nil, ["DOCKER_HOST": "ssh://a"], ["/var/run/docker.sock"], nil),
            ("relative.sock", [:], [], nil),
            ("/" + String(repeating: "x", count: 120), [:], [], nil),
        ]
        for row in table {
            let found = try? EngineSocket.find(
                setting: row.setting, variables: row.variables, exists: row.there.contains)
            #expect(found?.path == row.path, "\(row)")
        }
    }

    @Test func addsUpProgress() throws {
        var progress = TransferProgress()
        let lines = [
            #"{"status":"Pulling from library/python","id":"3.11"}"#,
            #"{"status":"Pulling fs layer","progressDetail":{},"id":"a"}"#,
            #"{"status":"Downloading","progressDetail":{"current":1048576,"total":4194304},"id":"b"}"#,
            #"{"status":"Download complete","progressDetail":{},"id":"a"}"#,
        ]
        for line in lines { _ = progress.note(try JSON(parsing: line)) }
        #expect(progress.message == "1 of 3 layers, 1 of 4 MiB")
        #expect(progress.failure == nil)
        _ = progress.note(try JSON(parsing: #"{"errorDetail":{"message":"no\nroom"},"error":"x"}"#))
        #expect(progress.failure == "no room")
    }

    @Test func survivesEndlessProgress() throws {
        var progress = TransferProgress()
        for layer in 0..<5000 {
            _ = progress.note([
                "status": "Downloading", "id": .string("\(layer)"),
                "progressDetail": ["current": .number(JSON.Number(Int.max)), "total": .number(JSON.Number(Int.max))],
            ])
        }
        #expect(progress.message.hasPrefix("0 of 1024 layers"))
    }

    @Test(arguments: [
        ([1, 0, 0, 0, 0, 0, 0, 3, 104, 105, 10, 2, 0, 0, 0, 0, 0, 0, 2, 33, 10] as [UInt8], "hi !"),
        ([1, 0, 0, 0, 255, 255, 255, 255, 104, 105], "hi"), (Array("plain\u{1B}[0m\n".utf8), "plain [0m"), ([], ""),
        ([1, 0, 0, 0, 0, 0], ""),
    ])
    func readsLogs(_ bytes: [UInt8], _ text: String) { #expect(ContainerLog.lastLines(bytes) == text) }

    @Test func readsAContainer() throws {
        let state = try ContainerState(
            try JSON(
                parsing: """
                    {"Id":"x","Image":"sha256:1","State":{"Running":true,"Pid":7,"ExitCode":0,"OOMKilled":true},
                    "Config":{"Labels":{"a":"b","c":null}},"NetworkSettings":{"Ports":{
                    "8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"40001"}],"53/udp":[{"HostPort":"1"}],"22/tcp":null,
                    "99999/tcp":[{"HostPort":"5"}],"1/tcp":[{"HostPort":"0"}]}}}
                    """))
        #expect(state.ports == [8080: 40001])
        #expect(state.labels == ["a": "b", "c": ""])
        #expect(state.process == 7)
        #expect(throws: EngineError.self) { try ContainerState(["Id": "x", "State": "running"]) }
        #expect(throws: EngineError.self) { try ListedContainer.list(["Id": "x"]) }
    }

    @Test(arguments: [
        (Int32(0), false, false, "ended by itself with status 0", Int32?.none),
        (137, false, false, "SIGKILL", 9), (137, true, false, "ran out of its memory", 9),
        (143, false, true, "stopped", 15),
        (3, false, false, "status 3", nil), (255, false, false, "status 255", nil),
    ])
    func saysHowItEnded(_ code: Int32, _ isOOM: Bool, _ isStopping: Bool, _ words: String, _ signal: Int32?) throws {
        let state = try ContainerState([
            "Id": "x",
            "State": [
                "Running": false, "ExitCode": .number(JSON.Number(Int(code))), "OOMKilled": .bool(isOOM),
            ],
        ])
        let end = DockerSandbox.end(state, isStopping ? .stop : nil)
        #expect(end.reason.contains(words))
        #expect(end.signal == signal)
        #expect(end.ranOutOfMemory == isOOM)
    }

    @Test func neverAsksForPrivilege() throws {
        let specification = SandboxSpecification.test { $0.network = .outbound }
        let request = ContainerRequest(
            specification: specification, server: "s", image: "sha256:1", runFolder: "/r", rocklet: "/k",
            descriptors: 10, labelsFiles: true, limitsDisk: false, resolverFile: nil)
        let host = try #require(request.json["HostConfig"])
        #expect(host["Privileged"] == false)
        #expect(host["CapDrop"] == ["ALL"])
        let granted = Set(host["CapAdd"]?.array?.compactMap(\.string) ?? [])
        #expect(granted.isDisjoint(with: ["SYS_ADMIN", "NET_RAW", "NET_ADMIN", "SYS_PTRACE", "MKNOD", "SYS_MODULE"]))
        #expect(host["Binds"] == ["/k:/.rocklet:ro,z", "/r:/.rock:rw,Z"])
        #expect(host["PortBindings"]?["8080/tcp"] == [["HostIp": "127.0.0.1", "HostPort": ""]])
        #expect(host["MemorySwap"] == host["Memory"])
    }

    @Test func clientsLabelsCannotPassForOurs() {
        let specification = SandboxSpecification.test { $0.labels = [ContainerRequest.Label.server: "other"] }
        let request = ContainerRequest(
            specification: specification, server: "mine", image: "i", runFolder: "/r", rocklet: "/k", descriptors: 1,
            labelsFiles: false, limitsDisk: false, resolverFile: nil)
        #expect(request.json["Labels"]?[ContainerRequest.Label.server] == "mine")
        #expect(request.json["Labels"]?["rock.label.rock.server"] == "other")
    }

    @Test func mountsOnlyWhatIsAllowed() async throws {
        try await withFolder { folder in
            try #require(symlink("/etc", folder + "/link") == 0)
            let policy = MountPolicy(allowed: [MountRoot(folder)])
            let table: [(source: String, target: String, isAllowed: Bool)] = [
                (folder, "/data", true), ("/etc", "/data", false), (folder + "/link", "/data", false),
                (folder + "/../../etc", "/data", false), (folder, "/", false), (folder, "/proc/sys", false),
                (folder, "/.rock", false), (folder, "/.rocklet", false), (folder, "relative", false),
                (folder + "/missing", "/data", false), (folder + "x", "/data", false), (folder, "/dev", false),
            ]
            for row in table {
                let mount = SandboxMount(source: row.source, target: row.target)
                let isAllowed = (try? policy.check([mount])) != nil
                #expect(isAllowed == row.isAllowed, "\(row)")
            }
            #expect(throws: Failure.self) {
                try MountPolicy(allowed: []).check([SandboxMount(source: folder, target: "/data")])
            }
            let writable = SandboxMount(source: folder, target: "/data", isReadOnly: false)
            #expect(throws: Failure.self) { try policy.check([writable]) }
            try MountPolicy(allowed: [MountRoot(folder, allowsWriting: true)]).check([writable])
            for hidden in [folder, folder + "/below"] {
                let policy = MountPolicy(allowed: [MountRoot(folder)], hidden: hidden)
                #expect(throws: Failure.self) { try policy.check([SandboxMount(source: folder, target: "/data")]) }
            }
        }
    }

    /// What a sandbox leaves may be deeper than any path is long, and full of links.
    @Test func removesWhatASandboxLeaves() async throws {
        try await withFolder { folder in
            let top = folder + "/top"
            try #require(mkdir(top, 0o700) == 0)
            let outside = folder + "/outside"
            try #require(mkdir(outside, 0o700) == 0)
            var here = open(top, O_RDONLY | O_DIRECTORY)
            for _ in 0..<600 {
                try #require(mkdirat(here, "aaaaaaaaaa", 0o700) == 0 && symlinkat(outside, here, "link") == 0)
                let next = openat(here, "aaaaaaaaaa", O_RDONLY | O_DIRECTORY)
                close(here)
                here = next
            }
            close(here)
            #expect(FolderTree.remove(top) == 0)
            #expect(KernelFile.names(in: folder) == ["outside"])
            #expect(FolderTree.remove(top) == 0)
            rmdir(outside)
        }
    }
}
