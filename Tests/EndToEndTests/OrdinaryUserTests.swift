import Foundation
import GEM
import Glibc
import Testing

/// A server that an ordinary user starts, from copies of the programs that this user can reach.
@Suite(.timeLimit(.minutes(2)), .serialized) struct OrdinaryUserTests {
    /// The user's number; root's tests take that of `nobody`, an ordinary user's tests its own.
    private static let user = geteuid() == 0 ? 65_534 : Int(geteuid())

    /// Runs `body` with the path of a `rockctl` and a data directory that the ordinary user may use.
    private func withCopies(_ body: (_ rockctl: String, _ directory: String) async throws -> Void) async throws {
        let manager = FileManager.default
        let folder = manager.temporaryDirectory.appendingPathComponent("rock-user-\(UUID().uuidString.prefix(8))")
        try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? manager.removeItem(at: folder) }  // Left-overs in /tmp are no failure of the test.
        // By a program of its own: a file that this process writes could not be started while another of its children,
        // just forked, still holds it open.
        let programs = ["rockctl", "rocklet"].map { Products.folder.appendingPathComponent($0).path }
        let copied = try await EndToEndTests.run("/bin/cp", programs + [folder.path])
        try #require(copied.status == 0, "\(copied.errors)")
        let directory = folder.appendingPathComponent("data").path
        try #require(mkdir(directory, 0o700) == 0)
        if geteuid() == 0 {
            try #require(chmod(folder.path, 0o755) == 0)
            try #require(chown(directory, uid_t(Self.user), gid_t(Self.user)) == 0)
        }
        try await body(folder.appendingPathComponent("rockctl").path, directory)
    }

    /// The words that run `rockctl` as the ordinary user.
    private func command(_ rockctl: String) -> [String] {
        guard geteuid() == 0 else { return [rockctl] }
        return ["/usr/bin/setpriv", "--reuid", "\(Self.user)", "--regid", "\(Self.user)", "--clear-groups", rockctl]
    }

    /// Without root no cgroup may be at hand; the walls hold by other means, and the answer to `make` says which.
    @Test(arguments: ["strict", "best-effort"]) func playsBehindEveryWall(_ isolation: String) async throws {
        try await withCopies { rockctl, directory in
            try await RunningServer.run(
                command(rockctl), directory: directory, configuration: "sandboxes: { isolation: \(isolation) }"
            ) { server in
                let client = try Client(http: server)
                let made = try await client.result("make", ["env_id": "game:Sokoban-v0-easy"])
                let sandbox = try #require(made["sandbox_id"])
                #expect(made["isolation"]?["complete"] == true, "\(made)")
                _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 42])
                _ = try await client.result("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
            }
        }
    }

    /// A namespace in which no user namespace can be made stands in for a machine that forbids them.
    @Test func aStrictServerRefusesAndSaysWhatToDo() async throws {
        try await withCopies { rockctl, directory in
            let forbid = #"echo 0 >/proc/sys/user/max_user_namespaces && exec "$@""#
            let words = ["--user", "--map-root-user", "sh", "-c", forbid, "sh"] + command(rockctl).suffix(1)
            let unshare = command("/usr/bin/unshare") + words
            let refused = try await EndToEndTests.run(
                unshare[0], unshare.dropFirst() + ["admin", "start", "--port", "0", "--data-dir", directory])
            #expect(refused.status == 5 && refused.output.isEmpty, "\(refused)")
            for words in ["user_namespace does not hold", "max_user_namespaces", "best-effort"] {
                #expect(refused.errors.contains(words), "\(refused.errors)")
            }
        }
    }
}
