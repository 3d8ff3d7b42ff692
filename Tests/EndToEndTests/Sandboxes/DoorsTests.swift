import Foundation
import Testing

/// What goes on for longer than one answer, with a real sandbox behind it: the machine's own tree in a jail.
@Suite(.timeLimit(.minutes(3))) struct SandboxDoorsTests {
    @Test func everyDoorOfASandboxOpens() async throws {
        try await RunningServer.run(configuration: "runtime: { drivers: [jail] }") { server in
            let tried = try await EndToEndTests.run(
                Products.python, [Products.client("sandbox_doors.py"), server.url])
            #expect(tried.status == 0, "\(tried.errors.suffix(4000))")
            let opened = try JSONDecoder().decode([String].self, from: Data(tried.output.utf8))
            #expect(
                opened == [
                    "wait", "events", "files", "programs", "terminal", "body", "web", "stream", "web_socket", "forward",
                    "published", "poll",
                ])
        }
    }
}
