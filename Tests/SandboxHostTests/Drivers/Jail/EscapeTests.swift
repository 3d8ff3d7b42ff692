import CLinux
import GEM
import Glibc
import Testing
import Transport

@testable import SandboxHost

/// Whatever a hostile program tries, it stays inside: each attempt once outside, where it works, and once in a jail.
@Suite(.serialized) struct EscapeTests {
    @Test(.timeLimit(.minutes(3))) func nothingGetsOutOfAJail() async throws {
        try await withGoal { goal, folder in
            try await withJails({ $0.mountSources = [MountRoot(folder)] }) { bench in
                let jail = try await bench.start {
                    $0.mounts = [SandboxMount(source: goal.shared, target: goal.shared)]
                }
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

    @Test(.timeLimit(.minutes(2))) func everyAttemptIsTriedRightly() async throws {
        try await withGoal { goal, _ in
            for attempt in EscapeAttempt.all where attempt.worksOutside && access(attempt.needs, F_OK) == 0 {
                // In namespaces of its own, so that nothing of the machine is changed.
                let status = try await Program.run(
                    "/usr/bin/unshare",
                    ["--mount", "--ipc", "--", "/usr/bin/python3", "-c", attempt.program] + goal.arguments,
                    on: testLoops.next())
                #expect(status == .exited(EscapeAttempt.escaped), "\(attempt.name)")
                unlink(goal.shared + "/planted")
            }
        }
    }

    /// The image `host` shows the machine's programs and none of its secrets.
    @Test(.timeLimit(.minutes(1))) func theMachinesTreeShowsNoSecrets() async throws {
        try await withGoal { goal, _ in
            try await withJails { bench in
                let jail = try await bench.start("host")
                let facts: [(script: String, output: String)] = [
                    ("cat \(goal.secret) 2>/dev/null; echo $?", "1"),
                    ("ls -A /root /home /tmp /srv /mnt /var/tmp | grep -v : | tr -d '\\n'", ""),
                    ("ls -d \(bench.folder) /work /boot/* /run/*.sock 2>/dev/null", ""),
                    ("cut -d: -f2 /etc/shadow | sort -u", "*"),
                    ("awk -F: '$3 >= 1000 && $3 != 65534' /etc/passwd", ""),
                    ("ls /etc/ssh /etc/sudoers 2>/dev/null", ""),
                    (
                        "python3 -c 'print(6 * 7)'; id -un; touch /usr/bin/mine && stat -c %U /usr/bin/mine",
                        "42\nroot\nroot"
                    ),
                    ("dpkg-query -W bash | cut -f1; useradd bob && su bob -c 'id -un'", "bash\nbob"),
                ]
                for fact in facts {
                    let output = try await jail.shell(fact.script)
                    #expect(output == fact.output, "\(fact.script)")
                }
                #expect(access("/usr/bin/mine", F_OK) != 0)
                // A set-user-ID file that a sandbox makes belongs to root by number: nobody else of the machine's reaches it.
                for path in [bench.folder + "/sandboxes", bench.folder + "/jail"] {
                    var status = stat()
                    #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o700)
                }
            }
        }
    }
}
