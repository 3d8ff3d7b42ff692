import GEM
import Glibc
import Synchronization
import Testing
import Transport

@testable import SandboxHost

@Suite(.timeLimit(.minutes(3)))
struct LeakTests {
    /// In a process of its own, because the other tests' descriptors and children come and go.
    @Test func leavesNothingAfterAThousandSandboxes() async {
        await #expect(processExitsWith: .success) {
            // Whatever is opened once for the whole process is open after the first host.
            try await withHost { _ = try await $0.makeHostile().begin("loop") }
            let before = Holdings.current()
            try await withFolder { folder in
                var configuration = HostConfiguration(
                    runDirectory: folder, rockletPath: "\(buildFolder)/rocklet-hostile")
                configuration.warmPoolSize = 4
                let host = try await SandboxHost(configuration, loops: testLoops)
                var warm: Holdings?
                for round in 0..<250 {
                    // Closed, crashed, closed in mid-call, and cold.
                    let sandboxes = [
                        try await host.makeHostile(), try await host.makeHostile(), try await host.makeHostile(),
                        try await host.makeHostile(limits: Limits(memoryBytes: 64 << 20)),
                    ]
                    _ = await sandboxes[1].failure(after: "exit 1")
                    let endless = await sandboxes[2].begin("loop")
                    for sandbox in sandboxes { await sandbox.close() }
                    _ = await endless.value
                    if round == 10 { warm = await host.settled() }
                }
                let end = await host.settled()
                // One file may be open for a moment on another thread, so the first count can be one too many; a leak
                // would have had a thousand occasions to grow.
                try #require(warm.map { end.isNoMore(than: $0) } == true, "\(end) after \(String(describing: warm))")
                // Nor may a jail that dies before anybody uses it leave something.
                let unused = try #require(host.state.withLock { $0.warm.first })
                kill(unused.process, SIGKILL)
                await unused.ended()
                let cgroups = host.cgroups.folders
                await host.shutDown()
                try #require(KernelFile.names(in: folder) == [])
                for path in cgroups { try #require(access(path, F_OK) == -1) }
            }
            // The pool's threads for blocking work stay; they hold no descriptor.
            let after = Holdings.current()
            try #require(after == before, "\(after) after \(before)")
        }
    }

    @Test func removesWhatAKilledHostLeft() async throws {
        try await withFolder { folder in
            // A host that dies without a chance to clean up, in the middle of its work.
            setenv("ROCK_TEST_FOLDER", folder, 1)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                let folder = try #require(getenv("ROCK_TEST_FOLDER").map { String(cString: $0) })
                let configuration = HostConfiguration(
                    runDirectory: folder, rockletPath: "\(buildFolder)/rocklet-hostile")
                let host = try await SandboxHost(configuration, loops: testLoops)
                for _ in 0..<3 { _ = try await host.makeHostile().begin("loop") }
                kill(getpid(), SIGKILL)
            }
            unsetenv("ROCK_TEST_FOLDER")
            #expect(KernelFile.names(in: folder).count >= 3)
            let host = try await SandboxHost(
                HostConfiguration(runDirectory: folder, rockletPath: "\(buildFolder)/rocklet-hostile"), loops: testLoops
            )
            let sandbox = try await host.makeHostile()
            #expect(try await sandbox.attempt("output 1") == "x")
            let second = await #expect(throws: Failure.self) {
                _ = try await SandboxHost(host.configuration, loops: testLoops)
            }
            #expect(second?.message.contains("Another server") == true)
            await host.shutDown()
            #expect(KernelFile.names(in: folder) == [])
            for path in host.cgroups.folders { #expect(access(path, F_OK) == -1) }
        }
    }
}

/// What a process holds that could leak.
struct Holdings: Equatable, CustomStringConvertible {
    /// What each stands for, without numbers: `socket:`, `anon_inode:[eventpoll]`, a path.
    var descriptors: [String]
    var mounts: Int
    /// Zombies included.
    var children: [Substring]

    static func current() -> Holdings {
        let children = KernelFile.names(in: "/proc/self/task").flatMap { thread in
            (KernelFile.read("/proc/self/task/\(thread)/children") ?? "").split(separator: " ")
        }
        return Holdings(
            descriptors: KernelFile.names(in: "/proc/self/fd").map { number in
                var path = [UInt8](repeating: 0, count: 256)
                let count = readlink("/proc/self/fd/\(number)", &path, path.count)
                return String(decoding: path.prefix(max(0, count)).prefix { $0 != 0x5B }, as: UTF8.self)
            },
            mounts: (KernelFile.read("/proc/self/mountinfo") ?? "").split(separator: "\n").count, children: children)
    }

    func isNoMore(than other: Holdings) -> Bool {
        descriptors.count <= other.descriptors.count && mounts == other.mounts && children == other.children
    }

    var description: String { "descriptors \(descriptors.sorted()), \(mounts) mounts, children \(children)" }
}

extension SandboxHost {
    /// What the process holds once the warm pool is full again.
    func settled() async -> Holdings {
        // A warm jail that died is replaced when the next one is asked for.
        refill()
        while state.withLock({ $0.isRefilling || $0.warm.count < configuration.warmPoolSize }) {
            // Every turn of the loop may bring the next jail.
            await withCheckedContinuation { continuation in loops.loops[0].execute { continuation.resume() } }
            await Task.yield()
        }
        return .current()
    }
}
