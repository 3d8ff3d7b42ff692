import Foundation
import Testing

/// `rockctl model-service`, as agents and training loops meet it. The scenarios are in `Clients/model_service`; those of local
/// mode hold our halves against the halves of ROCK's own package.
@Suite(.timeLimit(.minutes(5))) struct ModelServiceTests {
    @Test(arguments: [("local.py", 8), ("proxy.py", 15)])
    func everyScenarioEndsWell(_ script: String, _ count: Int) async throws {
        let played = try await EndToEndTests.run(
            Products.python, ["-B", Products.client("model_service/\(script)")],
            environment: ["ROCKCTL": Products.rockctl, "PYTHONDONTWRITEBYTECODE": "1"])
        #expect(played.status == 0, "\(played.output)\(played.errors.suffix(4000))")
        #expect(played.output.split(separator: "\n").count { $0.hasPrefix("ok ") } == count, "\(played.output)")
    }

    /// A service on the server answers inside a sandbox.
    @Test(arguments: SandboxRuntime.allCases)
    func answersInsideASandbox(_ runtime: SandboxRuntime) async throws {
        try await SandboxServer.run(runtime) { sandboxes in
            let played = try await EndToEndTests.run(
                Products.python, ["-B", Products.client("model_service/sandbox.py")],
                environment: [
                    "ROCKCTL": Products.rockctl, "ROCK_BASE_URL": sandboxes.server.url,
                    "ROCK_TEST_SERVER": "\(sandboxes.server.process)", "PYTHONDONTWRITEBYTECODE": "1",
                ])
            #expect(played.status == 0, "\(played.output)\(played.errors.suffix(4000))")
            #expect(played.output.split(separator: "\n").count { $0.hasPrefix("ok ") } == 4, "\(played.output)")
        }
    }

    /// ROCK's package installs and runs a service inside: our command under the name of its own.
    @Test func isRunByROCKsPackage() async throws {
        let python = try await EndToEndTests.run(Products.python, ["-c", "import sys; print(sys.base_prefix)"])
        let prefix = python.output.split(separator: "\n").first.map(String.init) ?? ""
        let folders = [Products.package.path] + (prefix.hasPrefix("/usr") ? [] : [prefix])
        try await RunningServer.run(
            configuration: "runtime: { drivers: [jail], default: jail, host_folders: \(folders) }\n"
        ) { server in
            let played = try await EndToEndTests.run(
                Products.python, ["-B", Products.client("model_service/sdk.py")],
                environment: [
                    "ROCKCTL": Products.rockctl, "ROCK_BASE_URL": server.url, "PYTHONDONTWRITEBYTECODE": "1",
                ])
            #expect(played.status == 0, "\(played.errors.suffix(4000))")
            #expect(played.output.split(separator: "\n").contains("ok rockctl"), "\(played.output)")
        }
    }
}
