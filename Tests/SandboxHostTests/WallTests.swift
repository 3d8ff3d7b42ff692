import GEM
import Glibc
import Synchronization
import Testing

@testable import SandboxHost

@Suite(.timeLimit(.minutes(2)))
struct WallTests {
    // MARK: - From outside

    @Test func standFromOutside() async throws {
        try await withHost { host in
            let one = try await host.makeHostile()
            let other = try await host.makeHostile()
            let (first, second) = (one.process, other.process)
            for name in ["user", "mnt", "pid", "ipc", "uts", "net"] {
                let spaces = ["/proc/\(first)", "/proc/\(second)", "/proc/self"].map { target(of: "\($0)/ns/\(name)") }
                #expect(Set(spaces).count == 3, "\(name): \(spaces)")
            }
            let status = fields(of: "/proc/\(first)/status")
            for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                #expect(status[name] == "0000000000000000")
            }
            #expect(status["NoNewPrivs"] == "1")
            #expect(status["Seccomp"] == "2")
            #expect(status["Threads"] == "1")
            #expect(status["NSpid"]?.split(separator: "\t").last == "1")
            // Root inside is nobody in particular outside, and another nobody for each sandbox.
            #expect(status["Uid"] != fields(of: "/proc/self/status")["Uid"] || geteuid() != 0)
            #expect(status["Uid"] != fields(of: "/proc/\(second)/status")["Uid"] || geteuid() != 0)
            let mounts = try #require(KernelFile.read("/proc/\(first)/mountinfo")).split(separator: "\n")
            #expect(mounts.count == 1)
            #expect(mounts.first?.contains(" / / ro,nosuid,nodev,noexec") == true, "\(mounts)")
        }
    }

    @Test func closeEveryDescriptorButTheSocket() async throws {
        // Seen from inside, where the filter would not let it count.
        try await withHost {
            $0.omittedWalls = [.seccomp]; $0.minimumIsolation = .bestEffort
        } _: { host in
            // The listener under four numbers, and the connection.
            let sandbox = try await host.makeHostile()
            #expect(try await sandbox.attempt("descriptors") == "5")
        }
    }

    @Test func leaveNoTraceOfTheOutside() async throws {
        try await withHost { host in
            let sandbox = try await host.makeHostile()
            #expect(try await sandbox.attempt("trace") == "")
            // A stray print goes nowhere and breaks nothing.
            #expect(try await sandbox.attempt("print") == "")
            #expect(try await sandbox.attempt("output 2") == "xx")
        }
    }

    // MARK: - From inside

    static let deeds = [
        "open", "create", "mkdir", "device", "exec", "connect 80", "ptrace 1", "kill 1", "mount", "remount", "unmount",
        "chroot", "hostname", "clock", "reboot", "module", "namespace", "identity", "limit", "fork", "code",
    ]

    @Test func killWhoeverTriesAnotherSystemCall() async throws {
        try await withHost { host in
            let neighbour = try await host.makeHostile()
            for deed in Self.deeds {
                let sandbox = try await host.makeHostile()
                let failure = await sandbox.failure(after: deed)
                #expect(failure?.kind == .envFailed, "\(deed)")
                #expect(failure?.message.contains("SIGSYS") == true, "\(deed): \(failure?.message ?? "it lives")")
                await sandbox.close()
            }
            #expect(try await neighbour.attempt("output 1") == "x")
        }
    }

    /// Without the filter each deed meets the wall behind it: the errors that the kernel may give.
    static let walls: [(deed: String, errors: [Int32])] = [
        ("open", [ENOENT]), ("create", [EROFS]), ("mkdir", [EROFS]), ("device", [EROFS, EPERM]), ("exec", [ENOENT]),
        ("connect PORT", [ENETUNREACH]), ("ptrace NEIGHBOUR", [ESRCH, EPERM]), ("kill NEIGHBOUR", [ESRCH]),
        ("kill -1", [ESRCH]),
        ("mount", [EPERM]), ("remount", [EPERM]), ("unmount", [EPERM, EINVAL]), ("chroot", [EPERM]),
        ("hostname", [EPERM]),
        ("clock", [EPERM]), ("reboot", [EPERM]), ("module", [EPERM, ENOSYS]), ("namespace", [EPERM]),
        ("identity", [EPERM, EINVAL]),
        ("limit", [EPERM]),
    ]

    @Test func standBehindTheFilterToo() async throws {
        try await withHost {
            $0.omittedWalls = [.seccomp]; $0.minimumIsolation = .bestEffort
        } _: { host in
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            let port = try #require(listen(on: listener))
            let neighbour = try await host.makeHostile()
            let sandbox = try await host.makeHostile()
            for (deed, errors) in Self.walls {
                let text = deed.split(separator: " ").map { word in
                    switch word {
                    case "PORT": "\(port)"
                    case "NEIGHBOUR": "\(neighbour.process)"
                    default: String(word)
                    }
                }.joined(separator: " ")
                let outcome = try await sandbox.attempt(text)
                #expect(errors.map { "\(-$0)" }.contains(outcome), "\(deed): \(outcome)")
            }
            #expect(try await neighbour.attempt("output 1") == "x")
        }
    }

    // MARK: - Limits

    @Test func holdForkBombs() async throws {
        try await withHost {
            $0.omittedWalls = [.seccomp]; $0.minimumIsolation = .bestEffort
        } _: { host in
            let neighbour = try await host.makeHostile()
            let sandbox = try await host.makeHostile()
            #expect(try await sandbox.attempt("fork") == "\(-EAGAIN)")
            #expect(try await neighbour.attempt("output 1") == "x")
            // Its children end with it: they hold its connection and its cgroup.
            await sandbox.close()
            #expect(kill(sandbox.process, 0) == -1 && errno == ESRCH)
        }
    }

    @Test func holdMemoryBombs() async throws {
        try await withHost { host in
            let neighbour = try await host.makeHostile()
            let limits = Limits(memoryBytes: 64 << 20)
            // Far beyond the limit the second line refuses; a little beyond it the cgroup kills, if there is one.
            let greedy = try await host.makeHostile(limits: limits)
            #expect(try await greedy.attempt("memory 4000") == "\(-ENOMEM)")
            #expect(try await greedy.attempt("memory 16") == "0")
            let failure = await greedy.failure(after: "memory 90")
            if host.cgroups.missing[.memory] == nil {
                #expect(failure?.kind == .envFailed)
                #expect(failure?.message.contains("64 MiB") == true, "\(failure?.message ?? "it lives")")
            } else {
                #expect(failure == nil)
            }
            // The slot's next jail is not blamed for the last one's end.
            await greedy.close()
            let next = try await host.makeHostile(limits: limits)
            #expect(await next.failure(after: "exit 3")?.message.contains("status 3") == true)
            #expect(try await neighbour.attempt("output 1") == "x")
        }
    }

    @Test func holdBigAnswersAndEndlessLoopsAwayFromNeighbours() async throws {
        try await withHost {
            $0.maximumReplyBytes = 1 << 20
        } _: { host in
            let neighbour = try await host.makeHostile()
            let loops = [try await host.makeHostile(), try await host.makeHostile(), try await host.makeHostile()]
            await withTaskGroup { group in
                for loop in loops {
                    group.addTask {
                        #expect(await loop.failure(after: "loop", limit: .milliseconds(200))?.kind == .timeout)
                    }
                }
                group.addTask { _ = await #expect(throws: Never.self) { try await neighbour.attempt("output 1000") } }
            }
            let talker = try await host.makeHostile()
            #expect(await talker.failure(after: "output 2000000")?.kind == .infraFailed)
        }
    }

    // MARK: -

    private func target(of link: String) -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = readlink(link, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    private func fields(of path: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in (KernelFile.read(path) ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1].drop { $0 == "\t" || $0 == " " }) }
        }
        return fields
    }

    /// Listens on a free port of the loopback interface and returns its number.
    private func listen(on descriptor: Int32) -> UInt16? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout.size(ofValue: address))
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                guard bind(descriptor, general, length) == 0, Glibc.listen(descriptor, 1) == 0,
                    getsockname(descriptor, general, &length) == 0
                else { return nil }
                return UInt16(bigEndian: pointer.pointee.sin_port)
            }
        }
    }
}
