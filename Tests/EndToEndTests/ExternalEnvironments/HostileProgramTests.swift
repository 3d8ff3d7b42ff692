import Foundation
import GEM
import Testing

/// A program that does wrong costs its caller an error with a name, and the next reset goes on with a fresh one.
@Suite(.timeLimit(.minutes(3))) struct HostileProgramTests {
    /// What the program does, the name of the fault, and the failure's kind where it is not `env_failed`.
    static let deeds: [(deed: String, fault: String, kind: String)] = [
        ("exit_zero", "exited", ""), ("exit_three", "exited", ""), ("raise", "exited", ""), ("kill", "exited", ""),
        ("memory", "exited", "timeout or env_failed"), ("children", "exited", ""),
        ("close_stdout", "timed_out", "timeout"),
        ("hang", "timed_out", "timeout"), ("spin", "timed_out", "timeout"), ("partial_hang", "timed_out", "timeout"),
        ("partial", "partial_line", ""), ("long", "line_too_long", ""), ("endless", "line_too_long", ""),
        ("garbage", "garbage", ""), ("nan", "garbage", ""), ("not_utf8", "garbage", ""), ("list", "garbage", ""),
        ("no_id", "no_answer", ""), ("no_result", "no_answer", ""), ("both", "no_answer", ""),
        ("wrong_id", "wrong_id", ""), ("text_id", "wrong_id", ""),
        ("observation_number", "wrong_type", ""), ("observation_missing", "wrong_type", ""),
        ("reward_text", "wrong_type", ""), ("reward_missing", "wrong_type", ""),
        ("terminated_number", "wrong_type", ""), ("truncated_missing", "wrong_type", ""),
        ("info_list", "wrong_type", ""), ("result_text", "wrong_type", ""), ("result_null", "wrong_type", ""),
    ]

    @Test func everyDeedHasANameAndLeavesAFreshProgram() async throws {
        try await ExternalServer.run([ExternalServer.hostile()]) { external in
            let client = external.client
            let sandbox = try await client.make(["env_id": "test:Hostile-v0"])
            var lives: Set<String> = []
            for (deed, fault, kind) in Self.deeds {
                let life = try await client.result("reset", ["sandbox_id": sandbox])["observation"]?.string ?? ""
                #expect(lives.insert(life).inserted, "before \(deed)")
                let answer = try await client.call("step", ["sandbox_id": sandbox, "action": .string(deed)])
                let said = answer["error"]?["message"]?.string ?? "\(answer)"
                // What memory does to a program is the kernel's choice: it may die at once, or be too slow.
                let isNamed = said.hasPrefix(fault + ": ") || deed == "memory" && said.hasPrefix("timed_out: ")
                let wanted = kind.isEmpty ? "env_failed" : kind
                #expect(isNamed && wanted.contains(answer.kind ?? "none"), "\(deed): \(said.prefix(300))")
                // Every later call says the same, and so does the status.
                let next = try await client.call("step", ["sandbox_id": sandbox, "action": "echo hi"])
                let status = try await client.result("status", ["sandbox_id": sandbox])
                #expect(
                    next["error"] == answer["error"] && status["state"] == "failed"
                        && status["failure"]?["message"] == answer["error"]?["message"], "after \(deed)")
            }
            _ = try await client.result("reset", ["sandbox_id": sandbox])
            #expect(try external.sandboxes() == [sandbox.string ?? ""])
            _ = try await client.result("close", ["sandbox_id": sandbox])
            #expect(try external.sandboxes() == [])
        }
    }

    @Test func theMessageHoldsTheLastWordsAndTheLogKeepsThem() async throws {
        try await ExternalServer.run([ExternalServer.hostile()]) { external in
            let client = external.client
            let sandbox = try await client.make(["env_id": "test:Hostile-v0"])
            for (deed, words) in [
                ("exit_three", "about to fail"), ("raise", "RuntimeError: deliberate"), ("hang", "hanging"),
            ] {
                _ = try await client.result("reset", ["sandbox_id": sandbox])
                let answer = try await client.call("step", ["sandbox_id": sandbox, "action": .string(deed)])
                #expect(answer["error"]?["message"]?.string?.contains(words) == true, "\(answer)")
                let log = try await client.result("env.logs", ["sandbox_id": sandbox])["log"]?.string
                #expect(log?.contains(words) == true)
            }
            _ = try await client.result("reset", ["sandbox_id": sandbox])
            // Four megabytes of errors are taken, and the last 32 KiB kept; the program is not held up.
            _ = try await client.result("step", ["sandbox_id": sandbox, "action": "errors"])
            let log = try await client.result("env.logs", ["sandbox_id": sandbox])["log"]?.string
            #expect(log?.utf8.count == 32 << 10 && log?.hasSuffix("e\n") == true)
        }
    }

    @Test func whatIsSaidTwiceIsFoundOutAtTheNextCall() async throws {
        try await ExternalServer.run([ExternalServer.hostile()]) { external in
            let client = external.client
            let sandbox = try await client.make(["env_id": "test:Hostile-v0"])
            _ = try await client.result("reset", ["sandbox_id": sandbox])
            _ = try await client.result("step", ["sandbox_id": sandbox, "action": "twice"])
            let answer = try await client.call("step", ["sandbox_id": sandbox, "action": "echo hi"])
            #expect(answer["error"]?["message"]?.string?.hasPrefix("wrong_id: ") == true, "\(answer)")
        }
    }

    /// A refusal is no fault: the same program goes on, with its episode or without.
    @Test func refusalsKeepTheProgram() async throws {
        try await ExternalServer.run([ExternalServer.hostile()]) { external in
            let client = external.client
            let sandbox = try await client.make(["env_id": "test:Hostile-v0"])
            let life = try await client.result("reset", ["sandbox_id": sandbox])["observation"]
            let step = { (action: String) in
                try await client.call("step", ["sandbox_id": sandbox, "action": .string(action)])
            }
            #expect(try await step("refuse").kind == "invalid_action")
            #expect(try await step("echo on")["result"]?["observation"] == "on")
            #expect(try await step("fail").kind == "env_failed")
            #expect(try await step("echo on").kind == "env_failed")
            #expect(try await client.result("reset", ["sandbox_id": sandbox])["observation"] == life)
            for method in ["save", "sample_action", "fork"] {
                let answer = try await client.call(method, ["sandbox_id": sandbox])
                #expect(answer.kind == "method_not_found", "\(method): \(answer)")
            }
            #expect(try await client.result("render", ["sandbox_id": sandbox])["text"] == life)
        }
    }

    /// `make` fails as a whole, and leaves nothing.
    @Test func aProgramThatDoesNotStartFailsMake() async throws {
        let manifests = [
            ExternalServer.hostile(),
            ExternalServer.hostile("", id: "test:Slow-v0").replacing("make: 20", with: "make: 0.5"),
            ExternalServer.hostile("", id: "test:Absent-v0").replacing("python3, -S", with: "no-such-program"),
        ]
        try await ExternalServer.run(manifests) { external in
            for (id, deed, kind, words) in [
                ("test:Hostile-v0", "exit", "env_failed", "exited: "),
                ("test:Slow-v0", "hang", "timeout", "timed_out: "),
                ("test:Absent-v0", "", "env_failed", "not_started: "),
            ] {
                let answer = try await external.client.call(
                    "make", ["env_id": .string(id), "kwargs": ["deed": .string(deed)]])
                let said = answer["error"]?["message"]?.string ?? ""
                #expect(answer.kind == kind && said.hasPrefix(words), "\(id): \(answer)")
                if deed == "exit" { #expect(said.contains("it will not start") && said.contains("exit status 1")) }
            }
            #expect(try external.sandboxes() == [])
            let unknown = try await external.client.call(
                "make", ["env_id": "test:Hostile-v0", "kwargs": ["deeds": "x"]])
            #expect(unknown.kind == "invalid_argument")
        }
    }

    @Test func theProgramIsNobodyAndReachesNothing() async throws {
        try await ExternalServer.run([ExternalServer.hostile()]) { external in
            let client = external.client
            let made = try await client.result("make", ["env_id": "test:Hostile-v0"])
            #expect(made["isolation"]?["complete"] == true, "\(made["isolation"] ?? nil)")
            let sandbox = try #require(made["sandbox_id"])
            _ = try await client.result("reset", ["sandbox_id": sandbox])
            for (action, seen) in [
                ("whoami", "65534:65534 /environment"), ("write", "Read-only file system"), ("network", "lo"),
            ] as [(String, JSON)] {
                let step = try await client.result("step", ["sandbox_id": sandbox, "action": .string(action)])
                #expect(step["observation"] == seen, "\(action)")
            }
        }
    }
}
