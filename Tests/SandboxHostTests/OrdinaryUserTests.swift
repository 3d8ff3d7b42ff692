import GEM
import Glibc
import HostileCalls
import Testing
import Transport

@testable import SandboxHost

@Suite(.timeLimit(.minutes(1)))
struct OrdinaryUserTests {
    /// In a process of its own, which becomes nobody if it is root.
    @Test func hasEveryWallButAnIdentityOfItsOwn() async {
        await #expect(processExitsWith: .success) {
            let program = "\(buildFolder)/rocklet-hostile"
            try await withFolder { folder in
                let copy = "\(folder)/rocklet"
                try #require(copyProgram(program, to: copy))
                let run = "\(folder)/run"
                try #require(mkdir(run, 0o700) == 0)
                if geteuid() == 0 {
                    try #require(chmod(folder, 0o755) == 0 && chown(run, 65_534, 65_534) == 0)
                    try #require(become_ordinary_user(65_534) == 0)
                }
                let loops = try EventLoopGroup(count: 1)
                let configuration = HostConfiguration(runDirectory: run, rockletPath: copy)
                let host = try await SandboxHost(configuration, loops: loops)
                try #require(host.isolation.isComplete)
                let sandbox = try await host.makeHostile()
                try #require(try await sandbox.attempt("output 2") == "xx")
                let status = KernelFile.read("/proc/\(sandbox.process)/status") ?? ""
                for line in ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"]
                {
                    try #require(status.contains(line), "\(line) in \(status)")
                }
                let bomb = await sandbox.failure(after: "memory 4000")
                try #require(bomb == nil || bomb?.kind == .envFailed)
                try #require(await sandbox.failure(after: "open")?.message.contains("SIGSYS") == true)
                // Half a processor needs a cgroup; where there is none, that is said instead of promised.
                if host.cgroups.missing[.cpu] != nil {
                    let refusal = await #expect(throws: Failure.self) {
                        _ = try await host.make(limits: Limits(memoryBytes: 64 << 20, cpus: 0.5))
                    }
                    try #require(refusal?.kind == .isolationRefused)
                }
                await host.shutDown()
                try #require(KernelFile.names(in: run) == [])
                rmdir(run)
                loops.shutDown()
            }
        }
    }
}

/// Copies an executable to where every user can run it.
private func copyProgram(_ source: String, to target: String) -> Bool {
    let input = open(source, O_RDONLY | O_CLOEXEC)
    let output = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0o755)
    defer {
        close(input)
        close(output)
    }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        let count = read(input, &buffer, buffer.count)
        if count <= 0 { return count == 0 }
        if write(output, buffer, count) != count { return false }
    }
}
