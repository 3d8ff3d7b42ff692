import GEM
import Glibc
import Synchronization
import Testing
import Transport

@testable import SandboxHost

/// The driver against a real Podman.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DockerDriverTests {
    @Test func startsASandboxWithItsLimits() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let specification = SandboxSpecification.test {
                $0.hostname = "box"
                $0.environment = ["GREETING": "a \"b\" é"]
                $0.labels = ["team": "x"]
            }
            let (sandbox, steps) = try await driver.startForTest(specification)
            #expect(
                steps == [
                    .pullingImage(message: "image pull running"),
                    .imageReady(message: "image pull skipped: the image is cached"), .launching, .answering,
                ])
            #expect(sandbox.imageDigest.hasPrefix("sha256:"))
            #expect(sandbox.process > 1)
            #expect(sandbox.ports == [:])
            let inside = try await sandbox.shell(
                """
                hostname; echo "$GREETING"; id -u; grep CapEff /proc/1/status | cut -f2; ls /sys/class/net; \
                cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max; \
                touch /.rocklet 2>/dev/null || echo read-only; cat /proc/1/comm; grep Seccomp: /proc/self/status | cut -f2
                """)
            #expect(
                inside
                    == "box\na \"b\" é\n0\n00000000a00405fb\nlo\n268435456\nread-only\n.rocklet\n2".replacing(
                        "00000000a00405fb", with: Self.capabilityMask))

            let isolation = try JSON(parsing: sandbox.isolation.span)
            #expect(isolation["walls"]?["memory_limit"] == true)
            #expect(isolation["walls"]?["user_namespace"] == false)
            #expect(isolation["complete"] == false)

            let usage = try await driver.statistics(sandbox.id)
            #expect(usage.memoryBytes > 0)
            #expect(usage.memoryLimitBytes == 256 << 20)
            #expect(usage.processes >= 1)
        }
    }

    /// What ``ContainerRequest/capabilities`` are as bits.
    private static let capabilityMask: String = {
        let bits = [
            "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
            "NET_BIND_SERVICE": 10, "SYS_CHROOT": 18, "AUDIT_WRITE": 29, "SETFCAP": 31,
        ]
        let mask = ContainerRequest.capabilities.reduce(UInt64(0)) { $0 | 1 << UInt64(bits[$1] ?? 63) }
        let digits = String(mask, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }()

    @Test func worksAsContainersDo() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let (sandbox, _) = try await driver.startForTest(.test())
            let inside = try await sandbox.shell(
                """
                useradd -m tester && su tester -c 'id -un; touch ~/file' && chown root /home/tester/file && \
                stat -c %U /home/tester/file; mount -t tmpfs none /mnt 2>/dev/null || echo no mount
                """)
            #expect(inside == "tester\nroot\nno mount")
        }
    }

    /// An image that holds nothing at all still runs the rocklet.
    @Test func startsInAnEmptyImage() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let (sandbox, _) = try await driver.startForTest(.test(image: "empty:1"))
            let answer = try await sandbox.call("/execute", ["command": [.string("/.rocklet"), "--version"]])
            #expect(answer["exit_code"] == 0)
        }
    }

    @Test func publishesPortsOnLoopback() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let (sandbox, _) = try await driver.startForTest(.test { $0.network = .outbound })
            #expect(Set(sandbox.ports.keys) == [22, 8080, 22555])
            _ = try await sandbox.shell(
                "cd /usr/share && (python3 -m http.server 8080 >/dev/null 2>&1 & ) ; for i in $(seq 100); do curl -s -o /dev/null localhost:8080 && break; sleep 0.05; done"
            )
            let port = try #require(sandbox.ports[8080])
            let client = HTTPClient(.ipv4(0x7F00_0001, port: port), on: testLoops.loops[0])
            #expect(try await client.send(HTTPClientRequest("GET", "/")).status == .ok)
            let isolation = try JSON(parsing: sandbox.isolation.span)
            #expect(isolation["walls"]?["network_policy"] == false)
        }
    }

    @Test func refusesWhatItCannotHold() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let table: [(SandboxSpecification, Failure.Kind, String)] = [
                (.test { $0.network = .allow(["pypi.org"]) }, .isolationRefused, "jail"),
                (.test(image: "host"), .invalidArgument, "jail"),
                (.test(image: "../x"), .invalidArgument, "Failed to pull image ../x."),
                (.test(image: "nosuch:1"), .notFound, "Failed to pull image nosuch:1."),
                (.test { $0.limits.cpus = 0 }, .invalidArgument, "Limits"),
                (.test { $0.mounts = [SandboxMount(source: "/etc", target: "/x")] }, .forbidden, "/etc"),
                (.test { $0.environment = ["A=B": ""] }, .invalidArgument, "A=B"),
            ]
            for (specification, kind, words) in table {
                let failure = await failure { _ = try await driver.start(specification) { _ in } }
                #expect(failure?.kind == kind)
                #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "")")
            }
            #expect(KernelFile.names(in: driver.configuration.sandboxesFolder) == [])
        }
    }

    @Test func neverSilentlyWeaker() async throws {
        let engine = try await TestEngine.shared()
        let specification = SandboxSpecification.test { $0.limits.diskBytes = 1 << 30 }
        try await engine.withDriver { driver in
            let (sandbox, _) = try await driver.startForTest(specification)
            let isolation = try JSON(parsing: sandbox.isolation.span)
            // Whether storage can be limited depends on the machine; the answer and the engine must agree.
            #expect(isolation["walls"]?["disk_limit"]?.bool == driver.limitsDisk)
        }
        try await engine.withDriver {
            $0.minimumIsolation = .strict
        } _: { driver in
            let failure = await failure { _ = try await driver.start(specification) { _ in } }
            #expect(driver.limitsDisk == true ? failure == nil : failure?.kind == .isolationRefused)
        }
    }

    @Test func mountsWhatIsAllowed() async throws {
        let engine = try await TestEngine.shared()
        try await withFolder { folder in
            let file = creat(folder + "/data", 0o644)
            close(file)
            #expect(KernelFile.write("42\n", to: folder + "/data") == 0)
            try await engine.withDriver {
                $0.allowedMounts = [MountRoot(folder, allowsWriting: true)]
            } _: { driver in
                let (sandbox, _) = try await driver.startForTest(
                    .test {
                        $0.mounts = [
                            SandboxMount(source: folder, target: "/read"),
                            SandboxMount(source: folder, target: "/write", isReadOnly: false),
                        ]
                    })
                let inside = try await sandbox.shell(
                    "cat /read/data; touch /read/x 2>/dev/null || echo no; touch /write/x && echo yes")
                #expect(inside == "42\nno\nyes")
            }
        }
    }

    /// The folder that it shares with the host is no way round the disk's limit.
    @Test func cannotFillTheHostsDisk() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let (sandbox, _) = try await driver.startForTest(.test())
            let inside = try await sandbox.shell(
                "dd if=/dev/zero of=/.rock/x bs=1k count=1000 2>/dev/null; stat -c %s /.rock/x")
            #expect(Int(inside).map { $0 <= 64 << 10 } == true)
        }
    }

    @Test func stopsAndStartsAgainWithItsFiles() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let specification = SandboxSpecification.test()
            let (sandbox, _) = try await driver.startForTest(specification)
            _ = try await sandbox.shell("echo kept > /root/file; (sleep 1000 &)")
            async let end = sandbox.ended()
            try await driver.stop(sandbox.id, grace: .seconds(5))
            #expect(await end.reason == "The sandbox was stopped.")
            try await driver.stop(sandbox.id, grace: .seconds(5))

            let again = try await driver.restart(specification) { _ in }
            #expect(try await again.shell("cat /root/file; pgrep sleep || echo none") == "kept\nnone")
            try await driver.remove(sandbox.id)
            #expect((await again.ended()).reason == "The sandbox was removed.")
            try await driver.remove(sandbox.id)
            let failure = await failure { _ = try await driver.restart(specification) { _ in } }
            #expect(failure?.kind == .unknownSandbox)
        }
    }

    @Test func tellsWhenItIsKilled() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let (sandbox, _) = try await driver.startForTest(.test())
            kill(sandbox.process, SIGKILL)
            let end = await sandbox.ended()
            #expect(end.signal == SIGKILL)
            #expect(end.reason.contains("SIGKILL"))
        }
    }

    @Test func saysTheLastWordsOfOneThatDiesAtOnce() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver {
            $0.rockletPath = "/bin/busybox"
        } _: { driver in
            let failure = await failure { _ = try await driver.start(.test()) { _ in } }
            #expect(failure?.kind == .infraFailed)
            #expect(failure?.message.contains("applet not found") == true, "\(failure?.message ?? "")")
        }
    }

    @Test func givesUpOnARockletThatNeverAnswers() async throws {
        let engine = try await TestEngine.shared()
        try await withFolder { folder in
            let program = folder + "/sleeper"
            close(creat(program, 0o755))
            #expect(KernelFile.write("#!/bin/sh\necho dozing\nexec sleep 1000\n", to: program) == 0)
            try await engine.withDriver {
                $0.rockletPath = program
                $0.startLimit = .seconds(2)
            } _: { driver in
                let failure = await failure { _ = try await driver.start(.test()) { _ in } }
                #expect(failure?.kind == .timeout)
                #expect(failure?.message.contains("dozing") == true, "\(failure?.message ?? "")")
            }
        }
    }

    @Test func leavesNothingWhenAStartIsCancelled() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let specification = SandboxSpecification.test()
            let launched = AsyncStream<Void>.makeStream()
            let start = Task {
                try await driver.start(specification) { if $0 == .launching { launched.continuation.yield() } }
            }
            for await _ in launched.stream { break }
            start.cancel()
            await #expect(throws: Failure.self) { try await start.value }
            #expect(KernelFile.names(in: driver.configuration.sandboxesFolder) == [])
        }
    }

    @Test func examines() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let report = await driver.examine()
            #expect(report.isUsable)
            #expect(
                report.findings.contains { $0.name == "engine" && $0.detail.lowercased().hasPrefix(TestEngine.product) }
            )
            #expect(report.findings.allSatisfy { $0.works == $0.remedy.isEmpty })
        }
        let nowhere = DockerDriver(
            {
                var configuration = DockerConfiguration(sandboxesFolder: "/tmp", rockletPath: "/nowhere")
                configuration.socket = "/nowhere/engine.sock"
                return configuration
            }(), loops: testLoops)
        let report = await nowhere.examine()
        #expect(!report.isUsable)
        #expect(report.findings.allSatisfy { $0.works == $0.remedy.isEmpty })
    }
}

/// The failure that `body` ends with; `nil` where it succeeds.
func failure(_ body: () async throws -> Void) async -> Failure? {
    do {
        try await body()
        return nil
    } catch {
        return error as? Failure
    }
}
