import GEM
import Glibc
import Testing
import Transport

/// The rocklet as process 1 of a namespace, which is what it is in a sandbox.
@Suite(.timeLimit(.minutes(1))) struct FirstProcessTests {
    private static let launcher = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]

    @Test func collectsOrphans() async throws {
        try await RunningRocklet.run(launcher: Self.launcher) { rocklet in
            let first = try await rocklet.post("/execute", ["command": "echo $PPID", "shell": true])
            #expect(first["stdout"] == "1\n")
            _ = try await rocklet.post("/create_session")
            // Twice given away: the parent ends first, and then the children have only process 1.
            for _ in 0..<5 { _ = try await rocklet.run("for i in 1 2 3 4; do (sh -c 'sleep 0.0$$ &' &); done") }
            let waiting = "while pgrep -x sleep >/dev/null; do :; done; ! ps -eo state= | grep -q Z"
            #expect(try await rocklet.post("/execute", ["command": .string(waiting), "shell": true])["exit_code"] == 0)
        }
    }

    @Test(arguments: [[String](), launcher]) func endsWithEverythingItHasStarted(launcher: [String]) async throws {
        let marker = "43\(Int.random(in: 100_000...999_999))"
        try await RunningRocklet.run(launcher: launcher) { rocklet in
            _ = try await rocklet.post("/create_session")
            _ = try await rocklet.run("sleep \(marker) &")
            if launcher.isEmpty { return }
            _ = try await rocklet.post(
                "/execute", ["command": .string("setsid nohup sleep \(marker) >/dev/null 2>&1 &"), "shell": true])
        }
        let left = ProcessNames.count { $0.contains(marker) }
        #expect(left == 0)
    }

    @Test func answersTheFixedQuestions() async throws {
        try await RunningRocklet.run { rocklet in
            let table: [(String, Int, JSON)] = [
                ("/", 200, ["message": "hello world"]), ("/is_alive", 200, ["is_alive": true, "message": ""]),
                ("/nowhere", 404, ["detail": "Not Found"]), ("/execute", 405, ["detail": "Method Not Allowed"]),
            ]
            for (path, status, body) in table {
                let answer = try await rocklet.get(path)
                #expect(answer.status == status && answer.body == body, "\(path)")
            }
            let statistics = try await rocklet.get("/get_statistics")
            #expect(statistics.body.object?.members.map(\.name) == ["cpu", "mem", "disk", "net"])
        }
    }

    @Test func playsEnvironments() async throws {
        try await RunningRocklet.run { rocklet in
            #expect(
                try await rocklet.post("/env/make", ["env_id": "game:Sokoban-v0-easy", "sandbox_id": "s"]).body == [
                    "sandbox_id": "s"
                ])
            let reset = try await rocklet.post("/env/reset", ["sandbox_id": "s", "seed": 42])
            #expect(reset["info"]?["suffix"]?.string?.contains("P") == true)
            let step = try await rocklet.post(
                "/env/step", ["sandbox_id": "s", "action": "\\boxed{up}", "session": "x"])
            #expect(step["reward"]?.double != nil && step["terminated"] == false && step["truncated"] == false)
            #expect(try await rocklet.post("/env/close", ["sandbox_id": "s"]).body == ["sandbox_id": "s"])
            let gone = try await rocklet.post("/env/step", ["sandbox_id": "s", "action": "x"])
            #expect(gone.failure?.kind == "KeyError" && gone.failure?.message == "'s'")
            let unknown = try await rocklet.post("/env/make", ["env_id": "game:None"])
            #expect(unknown.failure?.kind == "ValueError")
            #expect(try await rocklet.post("/env/list")["env_id"]?.array?.contains("game:Sokoban-v0-easy") == true)
        }
    }
}
