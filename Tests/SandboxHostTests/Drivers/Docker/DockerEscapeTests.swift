import GEM
import Glibc
import Testing

@testable import SandboxHost

/// What gets out of no jail gets out of no container of the docker driver's.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct DockerEscapeTests {
    /// What Docker's own seccomp profile lets pass: a socket to the packet filter, which without capabilities does nothing.
    private static let harmless: Set<String> = TestEngine.product == "docker" ? ["the kernel's packet filter"] : []

    @Test func nothingGetsOutOfAContainer() async throws {
        let engine = try await TestEngine.shared()
        try await withGoal { goal, folder in
            try await engine.withDriver({ $0.allowedMounts = [folder] }) { driver in
                let specification = SandboxSpecification.test {
                    $0.mounts = [SandboxMount(source: goal.shared, target: goal.shared)]
                }
                let (sandbox, _) = try await driver.startForTest(specification)
                let jail = TestJail(sandbox, specification)
                var inside = goal
                inside.program = "/proc/1/exe"
                for attempt in EscapeAttempt.all where !Self.harmless.contains(attempt.name) {
                    let outcome = try await jail.execute(
                        ["python3", "-c", attempt.program] + inside.arguments, timeout: 20)
                    #expect(outcome.code == Int(EscapeAttempt.refused), "\(attempt.name): \(outcome)")
                }
                #expect(KernelFile.names(in: goal.shared) == ["link"])
            }
        }
    }
}
