import GEM
import Glibc
import Images
import SandboxHost
import Testing

@testable import Upkeep

/// With a real image store on a disk of its own.
@Suite(.timeLimit(.minutes(2))) struct ImageCleanupTests {
    /// Fills a small disk with images and has it cleaned: those used longest ago go, what is in use or listed stays.
    @Test(arguments: [
        ("60%", ["a", "b"]), ("26 MiB", ["a", "b", "c"]), ("1T", []), ("0%", ["a", "b", "c", "f"]),
    ])
    func makesRoom(_ threshold: String, _ gone: [String]) async throws {
        let disk = try SmallDisk(mebibytes: 64)
        let store = try ImageStore(folder: disk.path + "/images")
        let names = ["a", "b", "c", "used", "listed", "f"]
        for (age, name) in names.enumerated() {
            try disk.importImage(name, mebibytes: 8, into: store)
            try disk.setLastUse(name, secondsAgo: 1000 - age, in: store)
        }
        #expect(try store.lease("used:latest", to: "sandbox") != nil)
        let room = try Room()
        let upkeep = StoredImages(store, registries: RegistryConfiguration())
        let report = try await room.worker([upkeep]).carryOut(
            TaskOrder("ImageCleanup", ["threshold": .string(threshold), "image_whitelist": ["^listed:"]]))
        #expect(report.status == .success, "\(report)")
        let left = try store.images().flatMap(\.names).map { String($0.prefix { $0 != ":" }) }
        #expect(Set(left.map { $0.split(separator: "/").last.map(String.init) ?? "" }) == Set(names).subtracting(gone))
        #expect(disk.isMounted)
    }
}
