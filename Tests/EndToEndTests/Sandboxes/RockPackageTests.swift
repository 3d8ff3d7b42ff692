import Foundation
import Testing

/// ROCK's own package, unmodified, in its older and its newest generation: a scenario for each of its methods and for each
/// rule of its interface, with both drivers. The scenarios are the files in `Clients/sdk`.
@Suite(.timeLimit(.minutes(10)), .serialized) struct RockPackageTests {
    enum Package: String, CaseIterable, CustomTestStringConvertible {
        case older = "rl-rock 1.2.5"
        case newest = "rl-rock 1.11.0"

        var testDescription: String { rawValue }

        /// The Python that has it.
        var python: String {
            switch self {
            case .older: Products.python
            case .newest: Products.newestRockPython
            }
        }
    }

    @Test(arguments: SandboxRuntime.allCases, Package.allCases)
    func everyScenarioEndsWell(_ runtime: SandboxRuntime, _ package: Package) async throws {
        try await SandboxServer.run(runtime) { sandboxes in
            let played = try await EndToEndTests.run(
                package.python, [Products.client("sdk/play.py")],
                environment: [
                    "ROCK_BASE_URL": sandboxes.server.url, "ROCK_TEST_DRIVER": runtime.rawValue,
                    "ROCK_TEST_REGISTRY": sandboxes.registry, "PYTHONDONTWRITEBYTECODE": "1",
                ])
            let lines = played.output.split(separator: "\n")
            let count = lines.count { $0.hasPrefix("ok ") }
            #expect(played.status == 0, "\(played.output)\(played.errors.suffix(2000))")
            #expect(count >= 50 && lines.last == "\(count) scenarios, 0 failed", "\(lines.last ?? "")")
        }
    }
}
