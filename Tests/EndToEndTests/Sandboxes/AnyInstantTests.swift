import Foundation
import Testing

/// `kill -9` of the server, of sandboxes and of the zygote at any instant of a load, each time followed by an audit. The
/// auditor shares no code with the server: `Clients/Kills`. `make test-crash` has it go on for longer.
@Suite(.timeLimit(.minutes(8)), .serialized) struct AnyInstantTests {
    @Test func nothingIsLostAndNothingIsLeft() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)").path
        let trial = try await EndToEndTests.run(
            Products.python,
            ["-B", Products.client("Kills/kill_at_any_instant.py"), Products.folder.path, folder, "40", "1"])
        #expect(trial.status == 0, "\(trial.output)\(trial.errors)")
        #expect(trial.output.hasPrefix("40 instants, "), "\(trial.output)")
    }
}
