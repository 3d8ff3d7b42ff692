import GEM
import Testing

/// Commands in one session: what they print, how they end, what stays.
@Suite(.timeLimit(.minutes(2))) struct CommandTests {
    struct Step: Sendable {
        let command: String
        let output: String
        let code: Int

        init(_ command: String, _ output: String = "", _ code: Int = 0) {
            (self.command, self.output, self.code) = (command, output, code)
        }
    }

    /// Run one after the other in the same session.
    static let steps: [Step] = [
        Step("echo hi", "hi"), Step("false", "", 1), Step("echo $?", "0"), Step(""), Step("  \n"), Step("# nothing"),
        Step("cd /tmp"), Step("pwd", "/tmp"), Step("x=5; export Y=6"), Step("echo $x $Y", "5 6"),
        Step("f() { echo in f; return 4; }"), Step("f", "in f", 4),
        Step("printf 'a\\nb\\n'", "a\r\nb"), Step("echo out; echo err >&2", "out\r\nerr"),
        // What the splitter and the searching of the original stumble over.
        Step("cat <<EOF\none $x\nEOF\necho after", "one 5\r\nafter"),
        Step("cat <<'A' <<B\nquoted\nA\nlast $x\nB\necho end", "last 5\r\nend"),
        Step("[[ abc == a* ]] && echo yes", "yes"), Step("case x in x) echo one;; esac", "one"),
        Step("echo $(( (1 + 2) * 3 ))", "9"), Step("for i in 1 2; do\n  echo $i\ndone", "1\r\n2"),
        Step("echo \"a!b\"", "a!b"), Step("echo SHELLPS1PREFIX; echo more", "SHELLPS1PREFIX\r\nmore"),
        Step("echo EXITCODESTART3EXITCODEEND UNIQUESTRING29234", "EXITCODESTART3EXITCODEEND UNIQUESTRING29234"),
        Step("echo 'it''s' \"two  blanks\" \\$x # comment", "its two  blanks $x"),
        Step("a=1 \\\n  b=2; echo $a$b", "12"), Step("echo a | tr a b && echo c || echo d", "b\r\nc"),
        Step("printf '\\033[31mred\\033[0m\\n'", "red"), Step("printf 'a\\r\\r\\nb'", "a\r\nb"),
        Step("printf '\\377\\376'", "\\xff\\xfe"), Step("echo é √", "é √"),
        Step("alias hello='echo from alias'"), Step("hello", "from alias"),
        // Torn down to the prompt, with no line run to its end.
        Step("echo ${none?is not set}", "bash: none: is not set", 1),
        Step("echo $((1/0)); echo never", "bash: 1/0: division by 0 (error token is \"0\")", 1),
        Step("readonly PS1 PROMPT_COMMAND"), Step("echo still", "still"),
        // Options of the user's shell are theirs, and not the machinery's.
        Step("set -e"), Step("echo with e", "with e"), Step("set +e; false", "", 1), Step("set -u"),
        Step("echo with u", "with u"),
        Step("echo $nope", "bash: nope: unbound variable", 1), Step("set +u"), Step("set -x"),
        Step("echo traced", "++ echo traced\r\ntraced"), Step("set +x", "++ set +x"), Step("set -a"),
        Step("z=1; env | grep ^z=", "z=1"),
        Step("env | grep -c __rock; set +a", "0"), Step("IFS=,"), Step("echo still fine", "still fine"),

        // The private descriptors are nobody else's.
        Step("ls /proc/self/fd | wc -l", "4"), Step("exec 3>/dev/null; ls /proc/self/fd | wc -l; exec 3>&-", "5"),
        Step("stty -a | grep -c -- '-echo '", "1"),
        Step("(exit 7)", "", 7), Step("bash -c 'kill -9 $$'; echo $?", "Killed\r\n137"),
        Step("return 3", "bash: return: can only `return' from a function or sourced script", 2),
    ]

    @Test func answersWithOutputAndExitCode() async throws {
        try await RunningRocklet.run { rocklet in
            let created = try await rocklet.post("/create_session")
            // The output is what the machine's own start-up files say.
            #expect(created.status == 200 && created["session_type"] == "bash")
            for step in Self.steps {
                let answer = try await rocklet.run(step.command)
                let expected: JSON = [
                    "session_type": "bash", "output": .string(step.output), "exit_code": .number(.init(step.code)),
                    "failure_reason": "", "expect_string": "SHELLPS1PREFIX",
                ]
                #expect(answer.body == expected, "\(step.command)")
            }
        }
    }

    /// Nothing of a command that is no valid bash is run, and the session goes on.
    @Test func refusesBadSyntaxBeforeRunningAnything() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            for command in [
                "touch \(rocklet.folder)/ran; echo 'open", "touch \(rocklet.folder)/ran\nif true", "}; echo {",
                "echo a ;; b", "echo $(", "a | | b", "echo >",
            ] {
                let answer = try await rocklet.run(command)
                #expect(
                    answer.status == 511 && answer.failure?.kind == "BashIncorrectSyntaxError", "\(command): \(answer)")
            }
            let after = try await rocklet.run("test -e \(rocklet.folder)/ran")
            #expect(after["exit_code"] == 1, "nothing was run")
        }
    }

    @Test func takesCommandsOfAMebibyte() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            let text = String(repeating: "x", count: 1 << 20)
            #expect(try await rocklet.run("echo \(text) | wc -c")["output"] == "1048577")
            #expect(try await rocklet.run("if true; then v=\(text); echo ${#v}; fi")["output"] == "1048576")
        }
    }

    @Test func answersInTheOrderOfTheCalls() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            let outputs = try await withThrowingTaskGroup(of: (Int, JSON?).self) { group in
                for number in 0..<20 {
                    group.addTask {
                        (
                            number,
                            try await rocklet.run("n=$((n+1)); echo start \(number); echo end \(number)")["output"]
                        )
                    }
                }
                return try await group.reduce(into: [Int: JSON?]()) { $0[$1.0] = $1.1 }
            }
            for number in 0..<20 { #expect(outputs[number] == .string("start \(number)\r\nend \(number)")) }
            #expect(try await rocklet.run("echo $n")["output"] == "20")
        }
    }

    @Test func keepsHeadAndTailOfLongOutput() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            let answer = try await rocklet.run(
                "echo first; head -c 20000000 /dev/zero | tr '\\0' x | fold -w 1000; echo; echo last",
                ["output_limit_bytes": 10_000])
            let output = try #require(answer["output"]?.string)
            #expect(output.hasPrefix("first\r\n") && output.hasSuffix("last") && output.contains("bytes left out"))
            #expect(output.utf8.count < 11_000 && answer["omitted_bytes"]?.int ?? 0 > 19_000_000)
        }
    }

    /// Job control as nohup mode needs it: notices, disowned children that live on, dead ones that are gone at once.
    @Test func runsBackgroundJobs() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            let submitted = try await rocklet.run(
                "nohup sleep 100 < /dev/null > \(rocklet.folder)/out 2>&1 & echo PIDSTART${!}PIDEND;disown",
                ["check": "raise"])
            let output = try #require(submitted["output"]?.string)
            let match = try #require(output.firstMatch(of: #/^\[1\] (\d+)\r\nPIDSTART(\d+)PIDEND$/#), "\(output)")
            let process = match.output.1
            #expect(match.output.1 == match.output.2)
            #expect(try await rocklet.run("kill -0 \(process)")["exit_code"] == 0)
            _ = try await rocklet.run("kill \(process); while kill -0 \(process) 2>/dev/null; do :; done")
            let gone = try await rocklet.run("kill -0 \(process)", ["check": "raise"])
            #expect(gone.failure?.kind == "NonZeroExitCodeError")
            let done = try await rocklet.run("sleep 0 & wait $!; sleep 0.01; :")
            #expect(done["output"]?.string?.contains("Done") == true, "\(done)")
        }
    }

    @Test func looksAtTheExitCodeAsAsked() async throws {
        try await RunningRocklet.run { rocklet in
            _ = try await rocklet.post("/create_session")
            let raised = try await rocklet.run("echo it\\'s; false", ["check": "raise", "error_msg": "no luck"])
            #expect(
                raised.failure?.message
                    == "no luck: Command \"echo it\\\\'s; false\" failed with exit code 1. Here is the output:\n\"it's\""
            )
            #expect(try await rocklet.run("false", ["check": "ignore"])["exit_code"] == .null)
        }
    }
}
