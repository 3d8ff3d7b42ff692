import GEM
import Glibc
import Testing

@testable import SandboxHost

/// The engine's images and containers, cleaned up.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DockerUpkeepTests {
    @Test func removesTheImageUsedLongestAgo() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let (sandbox, _) = try await driver.startForTest(.test(image: "nobash:1"))
            let names = ["old", "older", "kept", "used"].map { "localhost/upkeep/\($0):1" }
            for name in names {
                _ = try await sandbox.shell("dd if=/dev/urandom of=/root/data bs=1k count=512 2>/dev/null")
                _ = try await driver.commit(sandbox.id, tag: name, push: false, credentials: nil)
            }
            let (user, _) = try await driver.startForTest(.test(image: names[3]))
            let before = try await driver.holdings()
            #expect(before.images >= 4 && before.bytes > 2 << 20)
            let raw = try driver.testEngine()
            // What requests called it counts, too.
            let evicted = try await driver.evict(
                downTo: before.bytes - 1, keeping: { $0.isEmpty || $0.contains { !$0.contains("upkeep/old") } },
                uses: ["upkeep/old:1": Int64(time(nil)) + 1000])
            #expect(evicted.names.count == 1 && evicted.names[0].contains("older"), "\(evicted)")
            // Everything may go, save what is kept and what a sandbox uses.
            let rest = try await driver.evict(
                downTo: 0, keeping: { !$0.contains { $0.contains("upkeep/") } || $0.contains { $0.contains("kept") } },
                uses: [:])
            #expect(rest.names.contains { $0.contains("upkeep/old:1") } && rest.names.count == 1, "\(rest)")
            try await driver.remove(user.id)
            for name in names[2...] {
                try await raw.perform(EngineCall("DELETE", "/images/\(name)", query: [("force", "true")]))
            }
        }
    }

    @Test func removesOnlyDeadContainersThatNobodyWants() async throws {
        let engine = try await TestEngine.shared()
        try await engine.withDriver { driver in
            let (living, _) = try await driver.startForTest(.test(image: "nobash:1"))
            let (wanted, _) = try await driver.startForTest(.test(image: "nobash:1"))
            let (stray, _) = try await driver.startForTest(.test(image: "nobash:1"))
            for sandbox in [wanted, stray] { try await driver.stop(sandbox.id, grace: .zero) }
            driver.forget(stray.id)
            let now = Int64(time(nil)) + 10
            #expect(try await driver.removeStrays(except: [living.id, wanted.id], madeBefore: now - 3600) == [])
            let removed = try await driver.removeStrays(except: [living.id, wanted.id], madeBefore: now)
            #expect(removed == [driver.containerName(stray.id)])
            #expect(try await engine.containers(of: driver.configuration).count == 2)
        }
    }
}
