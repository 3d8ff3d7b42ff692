import CLinux
import GEM
import Glibc
import Testing
import Transport

@testable import SandboxHost

/// What a server finds after a bad day: networks gone, ports that cannot be had, disks cut off, folders of nobody's.
@Suite(.serialized) struct JailRecoveryTests {
    /// A sandbox that cannot be given back what it had goes on, and says what it lacks.
    @Test(.timeLimit(.minutes(1))) func saysWhatItCouldNotTakeOver() async throws {
        try await withJails { bench in
            let jail = try await bench.start { $0.publishedPorts = [8080] }
            #expect(jail.sandbox.ports.count == 1 && jail.sandbox.losses == [])
            await bench.driver.abandon()
            // As if it had had a network, which somebody took away while no server ran.
            let folder = StateFolder(jail.id, in: bench.configuration.sandboxes)
            let left = try #require(folder.read())
            var specification = left.specification
            specification.network = .allow(["203.0.113.0/24"])
            var state = StateFolder.State(driver: left.driver, specification: specification)
            (state.process, state.processStart, state.ports) = (left.process, left.processStart, left.ports)
            (state.imageDigest, state.details) = (left.imageDigest, left.details)
            try folder.write(state)

            // Its ports are others now, since the first driver listens on those of before, and cannot be written down.
            try #require(mkdir(folder.path + "/state.json.new", 0o700) == 0)
            let second = try jailDriver(bench.configuration)
            let adopted = try await second.adopt()
            guard case .running(let found, _)? = adopted.first, adopted.count == 1 else {
                Issue.record("it was not found again: \(adopted)")
                return
            }
            #expect(Array(found.ports.keys) == [8080] && found.losses.count == 2, "\(found.losses)")
            #expect(found.losses.first?.contains("or nothing, until it is restarted") == true, "\(found.losses)")
            #expect(found.losses.last?.contains("they may change once more") == true, "\(found.losses)")
            let again = TestJail(found, specification)
            #expect(try await again.shell("echo runs; ls /sys/class/net 2>/dev/null; ip -o link | wc -l") == "runs\n1")
            try await second.remove(jail.id)
            await second.shutDown()
        }
    }

    /// A driver's own cgroups go with it; those of data directories that are no more go with the next driver's start.
    @Test(.timeLimit(.minutes(1))) func removesCgroupsOfVanishedServers() async throws {
        let mounts = CgroupMounts.current()
        let parents = Set(
            ["memory", "cpu", "cpuacct", "pids", "freezer"].compactMap { mounts.v1[$0]?.own }
                + (mounts.v1["memory"] == nil ? [mounts.v2?.mountPoint].compactMap { $0 } : []))
        let name = JailConfiguration.cgroupPrefix + "test-\(getpid())"
        let roots = { (end: String) in parents.sorted().map { "\($0)/\(name)-\(end)" } }
        for root in roots("empty") + roots("locked") + roots("used") {
            try #require(mkdir(root, 0o755) == 0, "\(root)")
        }
        for root in roots("used") { try #require(mkdir(root + "/sandbox", 0o755) == 0) }
        var locks: [Int32] = []
        for root in roots("locked") {
            var lock: Int32 = -1
            try #require(rock_lock_folder(root, 0, &lock) == 0)
            locks.append(lock)
        }
        try await withJails { bench in _ = try await bench.driver.adopt() }
        let isThere = { (root: String) in access(root, F_OK) == 0 }
        #expect(!roots("empty").contains(where: isThere))
        #expect(roots("locked").allSatisfy(isThere) && roots("used").allSatisfy(isThere))
        for lock in locks { close(lock) }
        for root in roots("used") { rmdir(root + "/sandbox") }
        for root in roots("locked") + roots("used") { rmdir(root) }
    }

    /// A sandbox whose data directory was removed under it is ended by the next driver, of whatever data directory.
    @Test(.timeLimit(.minutes(1)), arguments: [true, false])
    func endsSandboxesOfARemovedDataDirectory(_ isOfTheSame: Bool) async throws {
        try await withJails { bench in
            let jail = try await bench.start()
            await bench.driver.abandon()
            rock_tree_remove(bench.folder)
            let process = jail.sandbox.process
            try #require(kill(process, 0) == 0, "it lives on")
            if isOfTheSame {
                let second = try jailDriver(bench.configuration)
                #expect(try await second.adopt().isEmpty)
                await second.shutDown()
            } else {
                try await withJails { other in _ = try await other.driver.adopt() }
            }
            #expect(await jail.sandbox.ended().reason != "")
            #expect(kill(process, 0) != 0 && errno == ESRCH)
            #expect(bench.remains(of: jail.id) == [])
        }
    }

    /// The machine's tree is copied once for each server; a copy goes with the last sandbox that sees it.
    @Test(.timeLimit(.minutes(1))) func removesCopiesOfTheMachinesTree() async throws {
        try await withJails { bench in
            let copies = {
                KernelFile.names(in: bench.configuration.ownFolder).filter { $0.hasPrefix("host-") }.sorted()
            }
            let jail = try await bench.start("host")
            let first = copies()
            #expect(first.count == 1)
            await bench.driver.abandon()
            let second = try jailDriver(bench.configuration)
            #expect(try await second.adopt().count == 1)
            #expect(copies() == first, "it is in use")
            let other = TestJail(try await second.start(bench.specification("host")) { _ in }, jail.specification)
            #expect(copies().count == 2)
            #expect(try await jail.shell("ls /etc/passwd") == "/etc/passwd")
            try await second.remove(jail.id)
            #expect(copies().count == 1 && copies() != first)
            #expect(try await other.shell("ls /etc/passwd") == "/etc/passwd")
            try await second.remove(other.id)
            await second.shutDown()
            #expect(copies() == [])
        }
    }

    /// After a loss of power a disk says that it was in use, and what it counts may be wrong.
    @Test(.timeLimit(.minutes(1))) func mendsADiskThatWasCutOff() async throws {
        try await withJails { bench in
            let jail = try await bench.start { $0.limits.diskBytes = 64 << 20 }
            let path = StateFolder(jail.id, in: bench.configuration.sandboxes).path + "/disk"
            _ = try await jail.shell(
                "echo kept > /root/file; sync; head -c 9000000 /dev/zero > /root/lost; rm /etc/issue")
            // What a machine without power would have left: the disk as it is while it is in use.
            let copied = try await Program.run(
                "/bin/cp", ["--sparse=always", path, path + ".cut"], on: testLoops.next())
            try #require(copied == .exited(0))
            try await bench.driver.stop(jail.id, grace: .seconds(5))
            try #require(rename(path + ".cut", path) == 0)
            let disk = OwnedDescriptor(open(path, O_RDWR | O_CLOEXEC))
            var state = [UInt8](repeating: 9, count: 2)
            #expect(pread(disk.rawValue, &state, 2, 1024 + 58) == 2 && state == [0, 0])

            let again = TestJail(
                try await bench.driver.restart(jail.specification) { _ in }, jail.specification)
            let free = try await again.shell("cat /root/file; df --output=avail / | tail -1")
            #expect(free.hasPrefix("kept\n") && Int(free.dropFirst(5).filter(\.isNumber)) ?? 0 > 32 << 10, "\(free)")
            try await bench.driver.stop(jail.id, grace: .seconds(5))

            // What nobody can mend is said, and nothing runs on it.
            #expect(Self.write([UInt8](repeating: 0xFF, count: 32 << 10), to: disk.rawValue, at: 0))
            let failure = await #expect(throws: Failure.self) {
                _ = try await bench.driver.restart(jail.specification) { _ in }
            }
            #expect(
                failure?.kind == .infraFailed && failure?.message.contains("e2fsck") == true,
                "\(String(describing: failure))")
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32, at offset: off_t) -> Bool {
        pwrite(descriptor, bytes, bytes.count, offset) == bytes.count
    }
}
