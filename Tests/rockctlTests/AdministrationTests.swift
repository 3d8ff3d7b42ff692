import Foundation
import Glibc
import Testing

/// A server's life, in a data directory of its own.
@Suite(.timeLimit(.minutes(2))) struct AdministrationTests {
    /// A fresh directory that is removed afterwards, its server stopped.
    private func inDirectory(_ body: (_ directory: String, _ run: ([String]) throws -> Program) throws -> Void) throws {
        var template = Array("/tmp/rock-admin-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let run = { (words: [String]) in
            try Program.rockctl(["admin"] + words + ["--data-dir", directory])
        }
        defer { _ = try? run(["stop"]) }
        try body(directory, run)
    }

    @Test func livesInTheBackground() throws {
        try inDirectory { directory, run in
            let before = try run(["status"])
            #expect(before.status == 3 && before.output.contains("no server runs"), "\(before)")

            let start = try run(["start", "--detach", "--port", "0", "--rpc-socket", directory + "/rpc.sock"])
            #expect(start.status == 0 && start.output.hasPrefix("rock is ready at http://127.0.0.1:"), "\(start)")
            #expect(access(directory + "/rpc.sock", F_OK) == 0)

            let second = try run(["start", "--port", "0"])
            #expect(second.status == 1 && second.errors.contains("runs in \(directory) already"), "\(second)")

            let status = try run(["status", "--json"])
            let facts = try #require(
                JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any])
            let url = try #require(facts["url"] as? String)
            #expect(facts["healthy"] as? Bool == true && status.status == 0)
            let play = try Program.rockctl(
                ["env", "run", "game:Sokoban-v0-easy", "-q"], variables: ["ROCK_BASE_URL": url])
            #expect(play.status == 0 && play.output.contains("1 episode,"), "\(play)")

            let stop = try run(["stop"])
            #expect(stop.status == 0 && stop.output.contains("stopped the server"), "\(stop)")
            #expect(try run(["stop"]).status == 3)
            #expect(access(directory + "/rpc.sock", F_OK) != 0 && access(directory + "/admin.pid", F_OK) != 0)
        }
    }

    @Test func isNotFooledByWhatAKilledServerLeft() throws {
        try inDirectory { directory, run in
            try Data("\(getpid())\nhttp://127.0.0.1:9\n".utf8).write(to: URL(filePath: directory + "/admin.pid"))
            #expect(try run(["status"]).status == 3)
            #expect(try run(["stop"]).status == 3)
            #expect(try run(["start", "--detach", "--port", "0"]).status == 0)
        }
    }

    @Test func saysWhyItDoesNotStart() throws {
        try inDirectory { directory, run in
            let file = directory + "/rock.yaml"
            try Data("prot: 1\n".utf8).write(to: URL(filePath: file))
            let misspelt = try run(["start", "--config", file])
            #expect(misspelt.status == 1 && misspelt.errors.contains("prot"), "\(misspelt)")
            #expect(try run(["start", "--config", directory + "/none.yaml"]).status == 4)

            try Data("sandboxes:\n  rocklet: /nonexistent\n".utf8).write(to: URL(filePath: file))
            let broken = try run(["start", "--detach", "--port", "0", "--config", file])
            #expect(broken.status == 1 && broken.errors.contains("/nonexistent"), "\(broken)")
        }
    }

    @Test func examinesTheMachine() throws {
        try inDirectory { directory, _ in
            let report = try Program.rockctl(["doctor", "--json", "--data-dir", directory])
            let facts = try #require(JSONSerialization.jsonObject(with: Data(report.output.utf8)) as? [String: Any])
            let isolation = try #require(facts["isolation"] as? [String: Any])
            let drivers = try #require(facts["drivers"] as? [[String: Any]])
            let isUsable = drivers.contains { $0["is_usable"] as? Bool == true }
            #expect(report.status == (isolation["complete"] as? Bool == true && isUsable ? 0 : 5), "\(report)")
            #expect((isolation["walls"] as? [String: Any])?.count == 14)
            #expect(drivers.compactMap { $0["driver"] as? String } == ["jail", "docker"])
            // What does not work always says what mends it.
            let findings = drivers.flatMap { $0["findings"] as? [[String: Any]] ?? [] }
            #expect(findings.allSatisfy { $0["works"] as? Bool == true || $0["detail"] as? String != "" })
        }
    }

    @Test func measuresWhatItIsAskedTo() throws {
        let bench = try Program.rockctl(
            ["bench", "env", "--seconds", "1", "--only", "throughput", "-c", "3", "--json"])
        let facts = try #require(JSONSerialization.jsonObject(with: Data(bench.output.utf8)) as? [String: Any])
        let results = try #require(facts["results"] as? [[String: Any]])
        #expect(bench.status == 0 && results.count == 1, "\(bench)")
        #expect(results.first?["connections"] as? Double == 3 && (results.first?["count"] as? Int ?? 0) > 0)
    }
}
