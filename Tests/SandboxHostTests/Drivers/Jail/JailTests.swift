import GEM
import Glibc
import Images
import Testing
import Transport

@testable import SandboxHost

/// Jails with a root filesystem, from start to removal.
@Suite(.serialized) struct JailTests {
    @Test(.timeLimit(.minutes(2))) func behavesAsAContainerInside() async throws {
        try await withJails { bench in
            let jail = try await bench.start { $0.hostname = "box" }
            let isolation = try JSON(parsing: String(decoding: jail.sandbox.isolation, as: UTF8.self))
            #expect(isolation["complete"] == true)
            let facts: [(script: String, output: String)] = [
                ("id -u; id -g", "0\n0"),
                ("hostname; cat /etc/hostname; getent hosts box | awk '{print $2}'", "box\nbox\nbox"),
                ("cat /proc/1/comm /proc/sys/kernel/hostname | tail -1", "box"),
                ("python3 -c 'print(6 * 7)'", "42"),
                ("echo $HOME; echo $PATH | grep -c /usr/local/bin", "/root\n1"),
                ("useradd -m bob && su bob -c 'id -un; touch ~/mine && stat -c %U:%G ~/mine'", "bob\nbob:bob"),
                ("touch /tmp/a && chown 1234:4321 /tmp/a && stat -c %u:%g /tmp/a", "1234:4321"),
                ("stat -c %U:%G /etc/shadow /usr/bin/passwd", "root:shadow\nroot:root"),
                ("cp /usr/bin/id /tmp/rootid; chmod 4755 /tmp/rootid; su bob -c '/tmp/rootid -u'", "0"),
                ("ls /dev | tr '\\n' ' '", "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero "),
                ("echo x > /dev/null && head -c 4 /dev/zero | wc -c", "4"),
                ("ip -o link | awk '{print $2}'; cat /sys/class/net/eth0/address 2>&1 | tail -c 10", "lo:\ndirectory"),
                (
                    "python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 80)); print(s.getsockname()[1])'",
                    "80"
                ),
                (
                    "su bob -c 'python3 -c \"import socket; print(socket.create_server((str(), 443)).getsockname()[1])\"'",
                    "443"
                ),
                ("dpkg --configure -a && mkdir /opt/new && mv /etc/issue /etc/issue2 && cat /etc/issue2 | wc -l", "2"),
                ("mkdir /tmp/d && mv /usr/share/base-files /tmp/d/ && ls /tmp/d", "base-files"),
                ("python3 -c 'import os; print(os.openpty()[0] > 0)'", "True"),
                ("nproc | grep -c '^[0-9]'", "1"),
                ("df /dev/shm | tail -1 | awk '{print $2}'", "262144"),
            ]
            for fact in facts {
                let output = try await jail.shell(fact.script)
                #expect(output == fact.output, "\(fact.script)")
            }
        }
    }

    @Test(.timeLimit(.minutes(2))) func keepsItsFilesWhenItIsStartedAgain() async throws {
        try await withJails { bench in
            for disk in [nil, Int64(64 << 20)] {
                let jail = try await bench.start { $0.limits.diskBytes = disk }
                _ = try await jail.shell("echo kept > /root/file; rm /etc/issue; (sleep 1000 &)")
                try await bench.driver.stop(jail.id, grace: .seconds(5))
                let end = await jail.sandbox.ended()
                #expect(end.exitCode == 0, "\(end.reason)")
                try await bench.driver.stop(jail.id, grace: .seconds(5))  // once more is no failure

                let again = TestJail(
                    try await bench.driver.restart(jail.specification) { _ in }, jail.specification)
                #expect(
                    try await again.shell("cat /root/file; ls /etc/issue; pgrep sleep")
                        == "kept\nls: cannot access '/etc/issue': No such file or directory")
                try await bench.driver.remove(jail.id)
                #expect(await again.sandbox.ended().signal == SIGKILL)
                #expect(bench.remains(of: jail.id) == [])
            }
        }
    }

    @Test(.timeLimit(.minutes(2))) func isHeldToItsLimits() async throws {
        try await withJails { bench in
            let jail = try await bench.start { specification in
                specification.limits = SandboxLimits(memoryBytes: 96 << 20, cpus: 0.5, diskBytes: 64 << 20)
                specification.limits.processes = 40
            }
            let disk = try await jail.execute(["dd", "if=/dev/zero", "of=/big", "bs=1M", "count=200"])
            #expect(disk.code == 1 && disk.errors.contains("No space left on device"), "\(disk)")
            let statistics = try await bench.driver.statistics(jail.id)
            #expect(50 << 20...64 << 20 ~= statistics.diskBytes, "\(statistics)")
            #expect(statistics.diskLimitBytes == 64 << 20 && statistics.memoryLimitBytes == 96 << 20)
            #expect(statistics.memoryBytes > 0 && statistics.cpuMicroseconds > 0 && statistics.processes >= 1)

            let memory = try await jail.execute(["python3", "-c", "x = bytearray(300 << 20)"])
            #expect(memory.code == -SIGKILL, "\(memory)")
            let processes = try await jail.shell(
                "for i in $(seq 100); do sleep 100 & done 2>&1; wait 2>/dev/null; true")
            #expect(processes.contains("fork"), "\(processes)")

            // A program that only starts itself: it fills its sandbox, and process 1 goes on answering.
            let bomb = """
                import os, time
                end = time.monotonic() + 2
                while time.monotonic() < end:
                    try: os.fork()
                    except OSError: pass
                """
            _ = try await jail.execute(["python3", "-c", bomb])
            let after = try await bench.driver.statistics(jail.id)
            #expect(after.processes <= 40)
            let bites = try #require(after.bites)
            #expect(
                bites.memoryKills >= 1 && bites.refusedProcesses >= 1 && bites.throttledMicroseconds > 0, "\(bites)")
            #expect(try await jail.agent.call("GET", "/is_alive").status == 200)
        }
    }

    @Test(.timeLimit(.minutes(1))) func usesNoMoreProcessorTimeThanItHas() async throws {
        try await withJails { bench in
            let jail = try await bench.start { $0.limits.cpus = 0.2 }
            let before = try await bench.driver.statistics(jail.id).cpuMicroseconds
            let outcome = try await jail.execute(["timeout", "2", "sh", "-c", "while :; do :; done"])
            #expect(outcome.code == 124, "\(outcome)")
            let used = try await bench.driver.statistics(jail.id).cpuMicroseconds - before
            // A fifth of two seconds, and what periods of a tenth of a second add.
            #expect(used < 700_000, "\(used)")
        }
    }

    @Test(.timeLimit(.minutes(2))) func isFoundAgainByTheNextServer() async throws {
        try await withJails { bench in
            let jail = try await bench.start()
            let other = try await bench.start()
            _ = try await jail.shell("nohup sleep 1000 >/dev/null 2>&1 &")
            // What a start that was cut short leaves, what a removal leaves, and what never had a name.
            let folders = "\(bench.folder)/sandboxes"
            for name in ["unfinished", "empty", ".removed-x-1"] { mkdir("\(folders)/\(name)", 0o700) }
            let unfinished = try #require(SandboxID(rawValue: "unfinished"))
            let place = StateFolder(unfinished, in: folders)
            var state = StateFolder.State(
                driver: "jail",
                specification: SandboxSpecification(
                    id: unfinished, image: "python:3.11", limits: SandboxLimits(memoryBytes: 64 << 20, cpus: 1)))
            state.phase = .starting
            try place.write(state)

            await bench.driver.abandon()
            kill(other.sandbox.process, SIGKILL)
            _ = await other.sandbox.ended()
            let second = try jailDriver(bench.configuration)
            let adopted = try await second.adopt()
            var running: [SandboxID] = []
            var ended: [SandboxID] = []
            for sandbox in adopted {
                switch sandbox {
                case .running(let found, let specification):
                    running.append(found.id)
                    #expect(specification == jail.specification && found.process == jail.sandbox.process)
                    let again = TestJail(found, specification)
                    #expect(try await again.shell("pgrep -c sleep") == "1")
                case .ended(let id, _, let isRestartable):
                    ended.append(id)
                    #expect(isRestartable)
                }
            }
            #expect(running == [jail.id] && ended == [other.id])
            #expect(Set(KernelFile.names(in: folders)) == [jail.id.rawValue, other.id.rawValue])
            try await second.remove(jail.id)
            try await second.remove(other.id)
            #expect(bench.remains(of: jail.id) + bench.remains(of: other.id) == [])
            await second.shutDown()
        }
    }

    @Test(.timeLimit(.minutes(2))) func becomesAnImage() async throws {
        try await withJails { bench in
            for disk in [nil, Int64(64 << 20)] {
                let jail = try await bench.start { $0.limits.diskBytes = disk }
                _ = try await jail.shell(
                    "useradd -m eve; echo new > /home/eve/file; chown eve /home/eve/file; rm /etc/issue")
                let name = "committed:\(jail.id.rawValue.prefix(12))"
                let image = try await bench.driver.commit(jail.id, tag: name, push: false, credentials: nil)
                #expect(image.name == name && image.digest.hasPrefix("sha256:"))
                #expect(try await jail.shell("echo goes on") == "goes on")
                let copy = try await bench.start(name)
                let output = try await copy.shell(
                    "stat -c %U /home/eve/file; cat /home/eve/file; ls /etc/issue 2>/dev/null")
                #expect(output == "eve\nnew")
                try await bench.driver.remove(copy.id)
                _ = try testImages.get().remove(name)
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func refusesWhatNoJailCanBe() async throws {
        typealias Change = (inout SandboxSpecification) -> Void
        let cases: [(image: String, change: Change, kind: Failure.Kind, text: String)] = [
            ("no-such:image", { _ in }, .notFound, "Failed to pull image"),
            ("python:3.11", { $0.mounts = [Self.mount("/etc")] }, .forbidden, "/etc may not be mounted"),
            (
                "python:3.11", { $0.mounts = [SandboxMount(source: "/usr", target: "/mnt", isReadOnly: false)] },
                .forbidden, "mounted read-only"
            ),
            ("python:3.11", { $0.mounts = [Self.mount("/usr2")] }, .forbidden, "/usr2 may not be mounted"),
            ("python:3.11", { $0.mounts = [Self.mount("/usr/../etc")] }, .invalidArgument, "absolute path"),
            ("python:3.11", { $0.mounts = [Self.mount("/usr/no-such")] }, .invalidArgument, "/usr/no-such"),
            ("python:3.11", { $0.mounts = [Self.mount("/usr", "/proc/x")] }, .invalidArgument, "/proc is"),
            ("python:3.11", { $0.limits.memoryBytes = 1 }, .invalidArgument, "memory must be"),
            ("python:3.11", { $0.limits.diskBytes = 1 }, .invalidArgument, "disk must be"),
            ("python:3.11", { $0.hostname = "a b" }, .invalidArgument, "host name"),
            ("python:3.11", { $0.environment = ["A=B": "x"] }, .invalidArgument, "variable"),
        ]
        try await withJails({ $0.mountSources = [MountRoot("/usr")] }) { bench in
            for (image, change, kind, text) in cases {
                let specification = bench.specification(image) { specification in
                    specification.pull = .never
                    change(&specification)
                }
                let failure = await #expect(throws: Failure.self) {
                    _ = try await bench.driver.start(specification) { _ in }
                }
                #expect(
                    failure?.kind == kind && failure?.message.contains(text) == true, "\(String(describing: failure))")
                #expect(bench.remains(of: specification.id) == [])
            }
        }
    }

    private static func mount(_ source: String, _ target: String = "/mnt") -> SandboxMount {
        SandboxMount(source: source, target: target)
    }
}
