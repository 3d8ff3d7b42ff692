import GEM
import Glibc
import Testing

@testable import SandboxHost

/// What gets out of no jail gets out of no container of the docker driver's.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DockerEscapeTests {
    @Test func nothingGetsOutOfAContainer() async throws {
        let engine = try await TestEngine.shared()
        try await withGoal { goal, folder in
            try await engine.withDriver({ $0.allowedMounts = [MountRoot(folder)] }) { driver in
                let specification = SandboxSpecification.test {
                    $0.mounts = [SandboxMount(source: goal.shared, target: goal.shared)]
                }
                let (sandbox, _) = try await driver.startForTest(specification)
                let jail = TestJail(sandbox, specification)
                var inside = goal
                inside.program = "/proc/1/exe"
                for attempt in EscapeAttempt.all {
                    let outcome = try await jail.execute(
                        ["python3", "-c", attempt.program] + inside.arguments, timeout: 20)
                    #expect(outcome.code == Int(EscapeAttempt.refused), "\(attempt.name): \(outcome)")
                }
                #expect(KernelFile.names(in: goal.shared) == ["link"])
            }
        }
    }

    /// What a filter of system calls could break, and what it answers to what it refuses.
    @Test func theFilterLeavesWhatContainersDo() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let (sandbox, _) = try await driver.startForTest(.test())
            let table: [(script: String, output: String)] = [
                (
                    "useradd -m ann && su ann -c 'id -un' && groupadd team && usermod -aG team ann && id -nG ann",
                    "ann\nann team"
                ),
                ("touch /root/f && chown ann:team /root/f && stat -c %U:%G /root/f", "ann:team"),
                ("userdel -r ann 2>/dev/null; id ann 2>/dev/null || echo gone", "gone"),
                ("mkdir /tmp/n && chroot / true && ln -s a /tmp/n/l && readlink /tmp/n/l", "a"),
                (
                    "python3 -c 'import threading, subprocess; t = threading.Thread(target=print, args=(1,)); t.start(); t.join(); print(subprocess.check_output([\"echo\", \"2\"]).decode())'",
                    "1\n2"
                ),
                ("unshare -U true 2>&1 | sed 's/.*: //'", "Operation not permitted"),
                ("mount -t tmpfs none /mnt 2>/dev/null || echo no mount", "no mount"),
                ("setarch -R true 2>/dev/null || echo refused", "refused"),
                (
                    "python3 -c 'import socket\nfor f, p in ((1, 0), (2, 0), (10, 0), (16, 0), (16, 9), (16, 12), (17, 0), (40, 0), (0, 0)):\n try: socket.socket(f, 3 if f == 16 else 1, p); print(f, p)\n except OSError as e: print(f, p, e.errno)'",
                    "1 0\n2 0\n10 0\n16 0\n16 9 97\n16 12 97\n17 0 97\n40 0 97\n0 0 97"
                ),
            ]
            for row in table { #expect(try await sandbox.shell(row.script) == row.output, "\(row.script)") }
        }
    }
}

/// The arithmetic of the profile.
struct ContainerSeccompTests {
    @Test(arguments: [[0], [0x5412, 0x541C], [0, 8, 0x20000, .max], [1, 2, 10, 16]] as [[UInt32]])
    func othersAreAllOthers(_ numbers: [UInt32]) {
        let others = ContainerSeccomp.others(than: numbers)
        var tried = numbers
        for number in numbers { for bit in 0..<32 { tried += [number ^ 1 << UInt32(bit), number &+ UInt32(bit)] } }
        let wrong = tried.filter { number in
            others.count { number & $0.mask == $0.value } != (numbers.contains(number) ? 0 : 1)
        }
        #expect(wrong == [])
    }
}
