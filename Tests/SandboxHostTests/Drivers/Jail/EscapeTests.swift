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
            try await withJails({ $0.mountSources = [folder] }) { bench in
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

    /// A goal on this machine, taken away afterwards.
    private func withGoal(_ body: (EscapeAttempt.Goal, String) async throws -> Void) async throws {
        let folder = "/tmp/rock-goal-\(SandboxID.random().rawValue.prefix(12))"
        try #require(mkdir(folder, 0o755) == 0 && mkdir(folder + "/shared", 0o755) == 0)
        defer { rock_tree_remove(folder) }
        #expect(
            KernelFile.create(folder + "/secret", "the machine's own\n")
                && symlink("\(folder)/secret", folder + "/shared/link") == 0)
        #expect(KernelFile.create(folder + "/program", "#!/bin/sh\n"))
        let tcp = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let unix = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer {
            close(tcp)
            close(unix)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> UInt16? in
                guard bind(tcp, pointer, length) == 0, listen(tcp, 8) == 0, getsockname(tcp, pointer, &length) == 0
                else {
                    return nil
                }
                return 1
            }
        }
        try #require(port != nil)
        let name = "rock-goal-\(getpid())"
        var abstract = sockaddr_un()
        abstract.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &abstract.sun_path) { room in
            for (index, byte) in name.utf8.enumerated() { room[index + 1] = byte }
        }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
        let isBound = withUnsafePointer(to: &abstract) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(unix, $0, size) == 0 && listen(unix, 8) == 0
            }
        }
        try #require(isBound)
        let process = try Program.spawn("/bin/sleep", ["1000"])
        defer {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        let goal = EscapeAttempt.Goal(
            secret: folder + "/secret", process: process, port: UInt16(bigEndian: address.sin_port), socket: name,
            program: folder + "/program", shared: folder + "/shared")
        try await body(goal, folder)
    }
}

extension KernelFile {
    /// A new file that holds `text`.
    fileprivate static func create(_ path: String, _ text: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var text = text
        return text.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count }
    }
}
