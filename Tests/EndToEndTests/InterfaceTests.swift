import Foundation
import Testing

/// The published interface against the server that publishes it.
@Suite(.timeLimit(.minutes(5))) struct InterfaceTests {
    /// Schemathesis makes requests of the document, good and bad ones: no server error, no answer that is not in the document,
    /// no bad request taken, no good one refused.
    @Test func everyAnswerIsOneThatTheDocumentNames() async throws {
        // No registry to speak of: what is made up here is started as far as the search for its image.
        let configuration = "runtime: { drivers: [jail], images: { registry: '127.0.0.1:1' } }"
        try await RunningServer.run(configuration: configuration) { server in
            let program = URL(fileURLWithPath: Products.python).deletingLastPathComponent()
                .appendingPathComponent("schemathesis").path
            let tried = try await EndToEndTests.run(
                program,
                [
                    "run", "\(server.url)/openapi.json", "--phases", "coverage,fuzzing", "--max-examples", "5",
                    "--seed", "1",
                    "--no-color", "--generation-database", "none",
                    // They may wait for an hour, as they say.
                    "--exclude-operation-id", "sandbox.events", "--exclude-operation-id", "sandbox.wait",
                    // What bytes are an image, no schema says.
                    "--exclude-operation-id", "image.import",
                ])
            #expect(tried.status == 0, "\(tried.output.suffix(6000))")
        }
    }
}
