import GEM
import Testing
import Transport

/// How sessions come, stop, wait and go.
@Suite(.timeLimit(.minutes(2))) struct SessionLifeTests {
    @Test func interruptsAtTheTimeoutAndIsCleanAfterwards() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            let commands = [
                "sleep 100", "while :; do :; done", "echo late; cat", "for i in 1 2 3; do sleep 50; echo $i; done",
                "trap '' INT; sleep 100; trap - INT", "read line", "wait_for() { sleep 100; }; wait_for; echo never",
                "(trap '' INT TERM; while :; do sleep 1; done)", "cat <(sleep 100)",
            ]
            for command in commands {
                let answer = try await rocklet.run(command, ["timeout": .number(try #require(.init(0.2)))])
                #expect(answer.failure?.kind == "CommandTimeoutError", "\(command): \(answer)")
                #expect(answer.failure?.message.hasPrefix("timeout after 0.2 seconds while running command ") == true)
                let next = try await rocklet.run("echo clean; trap - INT")
                #expect(next["output"] == "clean", "after \(command)")
            }
        }
    }

    @Test func saysThatTheShellHasEnded() async throws {
        try await RunningRocklet.run { rocklet in
            for (command, code) in [
                ("echo bye; exit 3", 3), ("set -e; false", 1), ("kill -9 $$", -9), ("exec true", 0),
            ] {
                _ = try await rocklet.post("/create_session")
                let answer = try await rocklet.run(command)
                #expect(answer.failure?.kind == "EOF", "\(command): \(answer)")
                #expect(answer["rockletexception"]?["extra_info"]?["exit_code"]?.int == code, "\(command)")
                let later = try await rocklet.run("echo hi")
                #expect(later.failure?.message.contains("create the session again") == true)
                #expect(try await rocklet.get("/sessions")["sessions"]?[0]?["state"] == "ended")
            }
            #expect(try await rocklet.post("/create_session").status == 200, "the name is free")
            #expect(try await rocklet.post("/create_session").failure?.kind == "SessionExistsError")
            #expect(try await rocklet.post("/close_session").body == ["session_type": "bash"])
            let unknown = try await rocklet.run("echo hi")
            #expect(unknown.failure?.message == "session 'default' does not exist")
        }
    }

    /// Another program in the shell's place is noticed at once, not at the timeout.
    @Test(.timeLimit(.minutes(1))) func saysThatTheShellWasReplaced() async throws {
        try await RunningRocklet.run { rocklet in
            for (command, program) in [
                ("echo before; exec bash", "bash"), ("exec sleep 1000", "sleep"), ("exec cat", "cat"),
                ("exec 2>&1 bash --norc", "bash"), ("cd /; eval 'exec -a other sleep 1000'", "sleep"),
            ] {
                _ = try await rocklet.post("/create_session")
                let answer = try await rocklet.run(command, ["timeout": 600])
                #expect(answer.failure?.kind == "EOF", "\(command): \(answer)")
                #expect(
                    answer.failure?.message.contains("by the program '\(program)'") == true, "\(command): \(answer)")
                #expect(try await rocklet.get("/sessions")["sessions"]?[0]?["state"] == "ended")
            }
            // What holds the pipe besides only delays the news, and descriptors of one's own are no sign.
            _ = try await rocklet.post("/create_session")
            #expect(try await rocklet.run("exec 3>&1 4</dev/null; (sleep 1000; true) & echo on")["exit_code"] == 0)
            let late = try await rocklet.run("exec sleep 1000", ["timeout": .number(try #require(.init(0.5)))])
            #expect(late.failure?.message.contains("by the program 'sleep'") == true, "\(late)")
            // Somebody at the terminal.
            _ = try await rocklet.post("/create_session")
            let typed = try await rocklet.run(
                "exec bash --norc", ["is_interactive_command": true, "expect": ["bash-[\\d.]+[#$] "]])
            #expect(typed["exit_code"] == 0, "\(typed)")
        }
    }

    @Test func startsAsAsked() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session", ["session": "empty"])
            #expect(try await rocklet.run("echo \"$MARK|$HOME|$USER|$TERM\"", in: "empty")["output"] == "|||dumb")
            _ = try await rocklet.post("/create_session", ["session": "own", "env_enable": true, "env": ["A": "1 '2"]])
            #expect(try await rocklet.run("echo \"$MARK|$A\"", in: "own")["output"] == "of the image|1 '2")
            _ = try await rocklet.run("echo 'echo sourced; S=1' > \(rocklet.folder)/\"it's\"", in: "own")
            let created = try await rocklet.post(
                "/create_session",
                ["session": "sourced", "startup_source": ["/nonexistent", .string("\(rocklet.folder)/it's")]])
            #expect(
                created["output"]?.string?.hasSuffix("No such file or directory\r\nsourced\r\n") == true, "\(created)")
            #expect(try await rocklet.run("echo $S", in: "sourced")["output"] == "1")
            let slow = try await rocklet.post(
                "/create_session",
                [
                    "session": "slow", "startup_source": ["/dev/stdin"],
                    "startup_timeout": .number(try #require(.init(0.3))),
                ])
            #expect(slow.failure?.kind == "CommandTimeoutError")
            #expect(
                try await rocklet.post("/create_session", ["session": "slow"]).failure?.kind == "SessionExistsError")
            #expect(
                try await rocklet.post("/create_session", ["session": "who", "remote_user": "nobody!"]).failure?.kind
                    == "KeyError")
        }
    }

    @Test func runsAsAnotherUser() async throws {
        try await RunningRocklet.run { rocklet in
            let created = try await rocklet.post("/create_session", ["remote_user": "nobody"])
            #expect(created.status == 200, "\(created)")
            #expect(
                try await rocklet.run("whoami; echo $HOME $USER; : > /dev/tty && sleep 0 &")["output"]?.string?
                    .hasPrefix("nobody\r\n/nonexistent nobody") == true)
            let execute = try await rocklet.post("/execute", ["command": ["id", "-u"], "user": "nobody"])
            #expect(execute["stdout"] == "65534\n")
        }
    }

    /// The line goes to what is in the foreground, and the answer comes with the text that was waited for.
    @Test func talksToInteractivePrograms() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            let table: [(String, JSON.Object, String, JSON, String)] = [
                (
                    "bash --norc", ["is_interactive_command": true, "expect": ["bash-[\\d.]+[#$] "]], "", 0,
                    "bash-[\\d.]+[#$] "
                ),
                (
                    "echo inner $((40+2))", ["is_interactive_command": true, "expect": ["bash-[\\d.]+[#$] "]],
                    "inner 42", 0, "bash-[\\d.]+[#$] "
                ),
                ("exit", ["is_interactive_quit": true], "", 0, "SHELLPS1PREFIX"),
                ("echo outer", [:], "outer", 0, "SHELLPS1PREFIX"),
                ("echo one two three", ["expect": ["t\\w+", "one"]], "", 0, "one"),
                ("echo after", [:], "after", 0, "SHELLPS1PREFIX"),
            ]
            for (command, more, output, code, expected) in table {
                let answer = try await rocklet.run(command, more)
                let found = [answer["output"], answer["exit_code"], answer["expect_string"]]
                #expect(found == [.string(output), code, .string(expected)], "\(command): \(answer)")
            }
            let refused = try await rocklet.run("echo hi", ["expect": ["(?=x)"]])
            #expect(refused.failure?.kind == "ValueError")
            let running = try await rocklet.run("echo go; read x", ["expect": ["go"], "check": "raise"])
            #expect(running.failure?.kind == "NoExitCodeError")
            #expect(try await rocklet.run("done", ["is_interactive_quit": true])["exit_code"] == 0)
            #expect(try await rocklet.run("echo x=$x")["output"] == "x=done")
        }
    }

    /// A caller that goes away takes its command along, and not the session.
    @Test func endsTheCommandOfACallerThatHasGone() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            let task = Task { try await rocklet.run("echo $BASHPID > \(rocklet.folder)/pid; sleep 1000") }
            while try await rocklet.post("/execute", ["command": ["test", "-s", .string(rocklet.folder + "/pid")]])[
                "exit_code"] != 0
            {}
            task.cancel()
            _ = await task.result
            #expect(try await rocklet.run("echo next")["output"] == "next")
        }
    }

    @Test func showsASessionToPeople() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            _ = try await rocklet.run("echo earlier; cd /tmp")
            let socket = try await rocklet.socket("/sessions/default/attach?rows=40&cols=120")
            var messages = socket.makeAsyncIterator()
            var seen = ""
            func read(to text: String) async throws {
                while !seen.contains(text), let message = try await messages.next() {
                    seen += String(decoding: message.bytes, as: UTF8.self)
                }
                #expect(seen.contains(text))
                seen = ""
            }
            try await read(to: "default:/tmp# ")
            try await socket.send(binary: Array("v=typed; stty size\r".utf8))
            try await read(to: "40 120\r\n")
            #expect(try await rocklet.run("echo $v; stty -a | grep -o -- '-echo '")["output"] == "typed\r\n-echo")
            try await read(to: "typed\r\n")
            try await socket.send(text: #"{"resize":[10,20]}"#)
            try await socket.send(binary: Array("stty size\r".utf8))
            try await read(to: "10 20\r\n")
            let sessions = try await rocklet.get("/sessions")
            #expect(sessions["sessions"]?[0]?["attached"] == 1 && sessions["sessions"]?[0]?["state"] == "idle")
            _ = try await rocklet.post("/close_session")
            try await read(to: #""signal""#)
        }
    }
}
