import GEM
import Testing
import Transport

@testable import SandboxHost

@Suite(.timeLimit(.minutes(1)))
struct IsolationTests {
    /// Walls that can be left out while the others stand. (The empty root hangs on the mount namespace, and the id map
    /// on the user namespace.)
    @Test(arguments: [Wall.ipcNamespace, .utsNamespace, .networkNamespace, .seccomp, .capabilities, .noNewPrivileges])
    func refusesToRunWithLessThanStrict(wall: Wall) async throws {
        let failure = await #expect(throws: Failure.self) {
            try await withHost {
                $0.omittedWalls = [wall]
            } _: { _ in
            }
        }
        #expect(failure?.kind == .isolationRefused)
        #expect(failure?.message.contains(wall.rawValue) == true)
        #expect(failure?.message.contains(wall.remedy) == true)
    }

    @Test func reportsWhatIsMissing() async throws {
        let change = { (configuration: inout HostConfiguration) in
            configuration.omittedWalls = [.networkNamespace, .utsNamespace]
            configuration.minimumIsolation = .bestEffort
        }
        try await withHost(change) { host in
            #expect(!host.isolation.isComplete)
            #expect(!host.isolation.holds(.networkNamespace))
            #expect(host.isolation.holds(.seccomp))
            let report = try JSON(parsing: String(decoding: host.isolation.json, as: UTF8.self))
            #expect(report["complete"] == false)
            #expect(report["walls"]?.object?.members.map(\.name) == Wall.allCases.map(\.rawValue))
            #expect(report["walls"]?["uts_namespace"] == false)
            #expect(report["missing"]?.array?.map { $0["wall"]?.string } == ["uts_namespace", "network_namespace"])
            #expect(try await host.makeHostile().isolation == host.isolation)
        }
    }

    @Test func reportsAllWallsUnderStrict() async throws {
        try await withHost { host in
            #expect(host.isolation.isComplete)
            let missing = try JSON(parsing: String(decoding: host.isolation.json, as: UTF8.self))["missing"]
            #expect(missing == .array([]))
        }
    }

    /// Programs that are no rocklet.
    @Test(arguments: ["/nonexistent", "/bin/true", "/bin/cat", "/etc/passwd"])
    func saysWhyTheRockletDoesNotStart(path: String) async throws {
        let failure = await #expect(throws: Failure.self) {
            try await withHost {
                $0.rockletPath = path
            } _: { _ in
            }
        }
        #expect(failure?.kind == .infraFailed)
        #expect(failure?.message.contains(path) == true)
    }
}
