import Foundation
import Glibc
import Testing

/// The bad day: killed sandboxes, garbage on every door, a server that ends.
@Suite(.timeLimit(.minutes(3))) struct FaultTests {
    private static let sokoban = "game:Sokoban-v0-easy"

    @Test func aKilledSandboxIsAnErrorUntilItIsResetAndNeverAReward() async throws {
        try await RunningServer.run(configuration: "sandboxes: { warm_pool: 0 }") { server in
            let sandbox = try #require(
                try await server.call("make", ["env_id": Self.sokoban]).result?["sandbox_id"] as? String)
            let neighbour = try #require(
                try await server.call("make", ["env_id": Self.sokoban]).result?["sandbox_id"] as? String)
            _ = try await server.call("reset", ["sandbox_id": sandbox, "seed": 42])
            let before = try await server.call("reset", ["sandbox_id": neighbour, "seed": 42])

            // The zygote is the server's child, the jails are the zygote's; the first made has the lowest number.
            let jails = try descendants(of: server.process).sorted().dropFirst()
            let victim = try #require(jails.first)
            kill(victim, SIGKILL)

            for _ in 1...2 {
                let step = try await server.call("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
                #expect(step.kind == "env_failed" || step.kind == "infra_failed", "\(step.body)")
            }
            #expect(try await server.call("status", ["sandbox_id": sandbox]).result?["state"] as? String == "failed")
            let revived = try await server.call("reset", ["sandbox_id": sandbox, "seed": 42])
            #expect(revived.result?["observation"] as? String == before.result?["observation"] as? String)
            let step = try await server.call("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
            #expect(step.result != nil, "\(step.body)")
            #expect(try await server.call("step", ["sandbox_id": neighbour, "action": "\\boxed{up}"]).result != nil)
        }
    }

    @Test func whatAServerStartedEndsWithIt() async throws {
        var left: Set<Int32> = []
        var directory = ""
        try await RunningServer.run { server in
            directory = server.dataDirectory
            for _ in 1...5 { _ = try await server.call("make", ["env_id": Self.sokoban]) }
            left = try descendants(of: server.process)
            #expect(left.count > 5)
            #expect(FileManager.default.fileExists(atPath: server.rpcSocket))
        }
        #expect(left.allSatisfy { kill($0, 0) != 0 }, "a process outlived its server")
        #expect(!FileManager.default.fileExists(atPath: directory + "/rpc.sock"))
    }

    @Test func garbageOnTheWireIsAnsweredAndForgotten() async throws {
        try await RunningServer.run { server in
            let garbage = [
                "\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n",
                "POST /rpc HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\n " + String(repeating: "a", count: 100_000) + "\r\n\r\n",
            ]
            for text in garbage {
                let answered = try await EndToEndTests.run(
                    "/usr/bin/curl",
                    ["--silent", "--max-time", "5", "--no-buffer", server.url.replacing("http://", with: "telnet://")],
                    input: text)
                #expect(answered.output.hasPrefix("HTTP/1.1 4"), "\(text.prefix(40)) → \(answered.output.prefix(80))")
            }
            let large = try await server.curl(
                ["-H", "Content-Length: 999999999999", "--data-binary", "x"], "/rpc")
            #expect(large.status == 413)
            #expect(try await server.curl(["-H", "Origin: http://evil.example"], "/health").status == 403)
            #expect(try await server.curl([], "/nowhere").status == 404)
            #expect(try await server.curl(["-X", "DELETE"], "/rpc").status == 405)
            #expect(try await server.curl([], "/health").body == #"{"status":"ok"}"#)
        }
    }

    @Test func unusedSandboxesAreClosed() async throws {
        try await RunningServer.run { server in
            let sandbox = try #require(
                try await server.call("make", ["env_id": Self.sokoban, "idle_timeout": 0.05]).result?["sandbox_id"]
                    as? String)
            // Asking counts as use, so ask less often than the timeout is long.
            let deadline = ContinuousClock.now + .seconds(20)
            var status = try await server.call("status", ["sandbox_id": sandbox])
            while status.kind == nil, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(200))
                status = try await server.call("status", ["sandbox_id": sandbox])
            }
            #expect(status.kind == "sandbox_closed" && status.body.contains("idle timeout"), "\(status.body)")
        }
    }
}
