import Foundation
import Glibc
import Testing

/// `rockctl env check`: what comes with the program passes, and every check fails on an environment that has its fault.
@Suite(.timeLimit(.minutes(5))) struct EnvironmentCheckTests {
    private static func report(_ check: Program) throws -> [[String: Any]] {
        try check.output.split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\(check)")
        }
    }

    private static func outcomes(_ report: [String: Any], _ outcome: String) throws -> [String] {
        let checks = try #require(report["checks"] as? [[String: Any]])
        return checks.filter { $0["outcome"] as? String == outcome }.compactMap { $0["name"] as? String }
    }

    @Test func everyEnvironmentOfOursPasses() throws {
        let check = try Program.rockctl(["env", "check", "--all", "--quick", "--episodes", "2", "--json"])
        #expect(check.status == 0 && check.errors == "", "\(check)")
        let reports = try Self.report(check)
        let list = try Program.rockctl(["env", "list", "--json"])
        let specs = try #require(Self.report(list).first?["environments"] as? [Any])
        #expect(reports.count == specs.count)
        for report in reports {
            #expect(report["passed"] as? Bool == true, "\(report)")
            // Nothing is left out: all of them can be saved, and all declare their rewards.
            #expect(try Self.outcomes(report, "passed").count == 13, "\(report)")
        }
    }

    /// A server of environments with a fault each, until the value goes.
    private final class BrokenServer {
        let url: String
        private let child: Child
        private let stdin: Pipe

        init() throws {
            let script = try #require(
                Bundle.module.url(forResource: "broken_environments", withExtension: "py", subdirectory: "Fixtures"))
            let (stdin, stdout) = (try Pipe(), try Pipe())
            child = try Child(
                "python3", [script.path], variables: [:],
                streams: [stdin.reader.rawValue, stdout.writer.rawValue, 2])
            stdin.reader.close()
            stdout.writer.close()
            let port = String(decoding: stdout.reader.read(), as: UTF8.self).split(separator: "\n").first
            url = "http://127.0.0.1:\(try #require(port))"
            self.stdin = stdin
        }

        deinit {
            stdin.writer.close()
            _ = child.wait()
        }

        func check(_ name: String, _ words: String...) throws -> Program {
            try Program.rockctl(["env", "check", "broken:\(name)-v0", "--url", url, "--quick"] + words)
        }
    }

    @Test func everyCheckFailsOnItsFault() throws {
        let server = try BrokenServer()
        let honest = try server.check("Honest", "--json")
        #expect(honest.status == 0, "\(honest)")
        for (fault, check, says) in [
            ("Mute", "play", "no observation"), ("Unseeded", "same-seed", "differs"),
            ("Deaf", "different-seeds", "64 seeds give the same"), ("NeedsClose", "reset", "conflict"),
            ("GoesOn", "end", "not refused as episode_ended"), ("Fragile", "actions", "env_failed"),
            ("Fickle", "actions", "in two ways"), ("Lavish", "rewards", "pays 3.0"),
            ("Endless", "endings", "does not end"), ("Forgetful", "state", "restored"), ("Lax", "state", "damaged"),
            ("Possessive", "instances", "beside another instance"), ("Crowded", "load", "under load"),
            ("Leaky", "leaks", "Memory grows"), ("Spilling", "leaks", "descriptors grow"),
            ("Trusting", "tampering", "claims more"), ("Curious", "tampering", "is read"),
        ] {
            let run = try server.check(fault, "--only", check == "play" ? "reset" : check, "--json")
            #expect(run.status == 1, "\(fault): \(run)")
            let report = try #require(Self.report(run).first)
            #expect(try Self.outcomes(report, "failed") == [check] && run.output.contains(says), "\(fault): \(run)")
        }
    }

    @Test func aFailureShowsTheCallsAndHowToSeeItAgain() throws {
        let server = try BrokenServer()
        let run = try server.check("Lavish", "--only", "rewards", "--seed", "7")
        #expect(run.status == 1 && run.output.contains(#"calls: reset seed 7, step "\\boxed{"#), "\(run)")
        let line = try #require(run.output.split(separator: "\n").first { $0.contains("again: rockctl ") })
        let again = line.split(separator: " ").drop { $0 != "rockctl" }.dropFirst().map(String.init)
        #expect(try Program.rockctl(again + ["--url", server.url]).status == 1)
    }

    @Test(
        arguments: [
            (["game:Sokoban-v0-eas", "--url", "http://127.0.0.1:1"], Int32(3), "no server answers"),
            ([], 2, "name the environments"), (["--all", "game:Sokoban-v0-easy"], 2, "or --all"),
            (["game:Sokoban-v0-easy", "--only", "luck"], 2, "none of same-seed"),
        ] as [([String], Int32, String)])
    func saysWhatIsWrong(arguments: [String], status: Int32, saying: String) throws {
        let run = try Program.rockctl(["env", "check"] + arguments)
        #expect(run.status == status && run.output == "" && run.errors.contains(saying), "\(run)")
    }
}
