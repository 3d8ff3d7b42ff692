import Foundation
import Glibc
import Testing

/// `rockctl env`, against the server that it embeds.
@Suite(.timeLimit(.minutes(2))) struct EnvironmentTests {
    private static func objects(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test func listsWhatCanBeMade() throws {
        let table = try Program.rockctl(["env", "list"])
        #expect(table.status == 0 && table.output.contains("game:Sokoban-v0-easy "), "\(table)")
        let list = try Self.objects(try Program.rockctl(["env", "list", "--json"]).output)
        let specs = try #require(list.first?["environments"] as? [[String: Any]])
        #expect(specs.count == table.output.split(separator: "\n").count - 1)
    }

    @Test func writesEverythingThatHappensAsJSON() throws {
        let run = try Program.rockctl(["env", "run", "game:Sokoban-v0-easy", "--seed", "42", "-n", "2", "--json"])
        let objects = try Self.objects(run.output)
        let events = objects.compactMap { $0["event"] as? String }
        #expect(run.status == 0 && run.errors == "", "\(run.errors)")
        #expect(events.first == "reset" && events.last == "summary")
        #expect(events.count { $0 == "reset" } == 2 && events.count { $0 == "episode" } == 2)
        #expect(objects.filter { $0["event"] as? String == "reset" }.map { $0["seed"] as? Int } == [42, 43])
        let lengths = objects.filter { $0["event"] as? String == "episode" }.compactMap { $0["length"] as? Int }
        #expect(lengths.reduce(0, +) == events.count { $0 == "step" })
        #expect(objects.last?["steps"] as? Int == lengths.reduce(0, +))
    }

    @Test func playsTheSameEpisodesSideBySide() throws {
        func episodes(_ parallel: String) throws -> [String] {
            let run = try Program.rockctl(
                ["env", "run", "game:Wordle-v0-easy", "-s", "7", "-n", "12", "-p", parallel, "--json"])
            return try Self.objects(run.output).filter { $0["event"] as? String == "episode" }
                .map { "\($0["seed"] ?? "") \($0["return"] ?? "") \($0["length"] ?? "")" }.sorted()
        }
        let alone = try episodes("1")
        #expect(alone.count == 12)
        #expect(try episodes("4") == alone)
    }

    @Test(arguments: [
        // What the program does, the status and what is said.
        (#"while read -r line; do printf '%s\n' '"\\boxed{up}"'; done"#, Int32(0), "20 steps"),
        (#"read -r line; printf 'one\ntwo\nthree\n'"#, 0, "1 step "),
        ("true", 1, "ended without answering turn 0"),
        ("read -r line; exec head -c 2000000 /dev/zero", 1, "longer than 1048576 bytes"),
    ])
    func letsAProgramPlay(program: String, status: Int32, saying: String) throws {
        let run = try Program.rockctl(
            ["env", "run", "game:Sokoban-v0-easy", "--seed", "42", "-q", "--policy", program])
        #expect(run.status == status && (run.output + run.errors).contains(saying), "\(run)")
    }

    @Test(
        arguments: [
            (["env", "run", "game:Sokoban-v0-eas"], Int32(4), "game:Sokoban-v0-easy"),
            (["env", "run", "game:Sokoban-v0-easy", "--seed", "-1"], 2, "'-1' is not a whole number"),
            (["env", "run", "game:Sokoban-v0-easy", "--seed", "4294967296"], 2, "from 0 to 4294967295"),
            (["env", "run", "game:Sokoban-v0-easy", "--seed", "--json"], 2, "needs a value"),
            (["env", "run", "game:Sokoban-v0-easy", "--url", "http://127.0.0.1:1"], 3, "no server answers"),
            (["env", "run", "game:Sokoban-v0-easy", "--url", "https://127.0.0.1"], 2, "https is not spoken"),
            (["env", "run", "game:Sokoban-v0-easy", "--url", "127.0.0.1:8080"], 2, "http://127.0.0.1:8080"),
            (["env", "list", "--url", "http://localhost:port"], 2, "not the URL"),
        ] as [([String], Int32, String)])
    func saysWhatIsWrong(arguments: [String], status: Int32, saying: String) throws {
        let run = try Program.rockctl(arguments)
        #expect(run.status == status && run.output == "" && run.errors.contains(saying), "\(run)")
    }

    @Test func redrawsTheBoardAndEndsCleanlyOnControlC() throws {
        let terminal = try Terminal(arguments: [
            "env", "run", "game:Sokoban-v0-easy", "--seed", "42", "--pause", "60000",
        ])
        #expect(terminal.wait(for: "return 0"))
        terminal.type("\u{3}")
        #expect(terminal.finish() == 130)
        #expect(terminal.withoutColours.contains("0 episodes, 0 steps"), "\(terminal.shown)")
    }

    @Test func isPlayedWithKeysAndGivesTheTerminalBack() throws {
        let terminal = try Terminal(arguments: ["env", "play", "game:Sokoban-v0-easy", "--seed", "42"])
        for (keys, turn) in [("", 0), ("\u{1B}[A", 1), ("a", 2), ("\u{1B}OB", 3)] {
            terminal.type(keys)
            #expect(terminal.wait(for: "turn \(turn) of 20"), "\(terminal.shown)")
        }
        terminal.type("q")
        #expect(terminal.finish() == 0)
        #expect(terminal.shown.contains("\u{1B}[?1049l") && terminal.withoutColours.contains("given up after 3 turns"))
    }

    @Test(arguments: [SIGTERM, SIGHUP, SIGINT])
    func givesTheTerminalBackWhenItIsEnded(by signal: Int32) throws {
        let terminal = try Terminal(arguments: ["env", "play", "game:Sokoban-v0-easy"])
        #expect(terminal.wait(for: "q quit"))
        terminal.send(signal)
        #expect(terminal.finish() == 130)
        #expect(terminal.shown.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"), "\(terminal.shown)")
    }

    @Test func isPlayedByTheLineWithoutATerminal() throws {
        let play = try Program.rockctl(
            ["env", "play", "game:Sokoban-v0-easy", "-s", "42"], input: "up\n\\boxed{left}\n")
        #expect(play.status == 0 && play.output.hasSuffix("given up after 2 turns\n"), "\(play)")
    }

    @Test func answersJSONRPCOnTheStandardStreams() throws {
        let calls = """
            {"jsonrpc":"2.0","id":1,"method":"make","params":{"env_id":"game:Sokoban-v0-easy"}}

            nonsense
            [{"jsonrpc":"2.0","id":2,"method":"list"},{"jsonrpc":"2.0","id":3,"method":"nothing"}]
            {"jsonrpc":"2.0","method":"list"}
            """
        let answers = try Program.rockctl(["rpc", "--stdio"], input: calls)
        let lines = answers.output.split(separator: "\n")
        #expect(answers.status == 0 && lines.count == 3, "\(answers)")
        #expect(try Self.objects(String(lines.first ?? "")).first?["result"] != nil)
        #expect(lines.dropFirst().first?.contains("-32700") == true && lines.last?.contains("-32601") == true)
    }
}
