import GEM
import Testing
import Transport

/// Programs without a terminal.
@Suite(.timeLimit(.minutes(2))) struct ExecuteTests {
    static let table: [(body: JSON.Object, stdout: String, stderr: String, code: Int)] = [
        (["command": ["echo", "a b"]], "a b\n", "", 0), (["command": "true"], "", "", 0),
        (["command": "echo $((1+1)); echo e >&2; exit 3", "shell": true], "2\n", "e\n", 3),
        (["command": ["printf", "  a\\n\\n"]], "  a\n\n", "", 0), (["command": ["printf", "\\377é"]], "\\xffé", "", 0),
        (["command": "kill -TERM $$", "shell": true], "", "", -15),
        (["command": ["pwd"], "cwd": "/usr"], "/usr\n", "", 0),
        (["command": ["env"], "env": ["A": "b"]], "A=b\n", "", 0),
        (["command": "echo $MARK", "shell": true], "of the image\n", "", 0),
        (["command": ["cat"], "stdin": "typed"], "typed", "", 0), (["command": ["wc", "-c"]], "0\n", "", 0),
        (["command": "echo now; sleep 100 &", "shell": true], "now\n", "", 0),
        // Nothing that this process ignores is ignored by its children.
        (["command": "kill -PIPE $$", "shell": true], "", "", -13),
        (["command": "kill -HUP $$", "shell": true], "", "", -1),
        (["command": ["ls", "/proc/self/fd"]], "0\n1\n2\n3\n", "", 0),
        (["command": ["false"], "timeout": .null], "", "", 1),
    ]

    @Test func runsToTheEnd() async throws {
        try await RunningRocklet.run { rocklet in
            for (body, stdout, stderr, code) in Self.table {
                let answer = try await rocklet.post("/execute", .object(body))
                let expected: JSON = [
                    "stdout": .string(stdout), "stderr": .string(stderr), "exit_code": .number(.init(code)),
                ]
                #expect(answer.body == expected, "\(body)")
            }
        }
    }

    static let failures: [(body: JSON.Object, kind: String, message: String)] = [
        (["command": "ls -la"], "FileNotFoundError", "[Errno 2] No such file or directory: 'ls -la'"),
        (["command": ["true"], "cwd": "/none"], "FileNotFoundError", "[Errno 2] No such file or directory: '/none'"),
        (["command": ["/etc/passwd"]], "PermissionError", "[Errno 13] Permission denied: '/etc/passwd'"),
        (
            ["command": ["true"], "cwd": "/etc/passwd"], "NotADirectoryError",
            "[Errno 20] Not a directory: '/etc/passwd'"
        ),
        (["command": []], "ValueError", "There is no program to run: the command is empty."),
        (["command": ["echo", "a\u{0}b"]], "ValueError", "embedded null byte"),
        (
            ["command": ["sleep", "100"], "timeout": 0], "CommandTimeoutError",
            "Timeout (0.0s) exceeded while running command"
        ),
        (
            ["command": "echo a; exit 2", "shell": true, "check": true, "error_msg": "oh"], "NonZeroExitCodeError",
            "oh: Command 'echo a; exit 2' failed with exit code 2. Stdout:\n'a\\n'\nStderr:\n''"
        ),
    ]

    @Test func failsInPythonsWords() async throws {
        try await RunningRocklet.run { rocklet in
            for (body, kind, message) in Self.failures {
                let answer = try await rocklet.post("/execute", .object(body))
                #expect(
                    answer.status == 511 && answer.failure?.kind == kind && answer.failure?.message == message,
                    "\(answer)")
            }
            let missing = try await rocklet.post("/execute", ["timeout": "soon"])
            #expect(missing.status == 422)
            let places = missing["detail"]?.array?.map { $0["type"] }
            #expect(places == ["missing", "float_parsing"])
        }
    }

    /// A timeout ends what the program has started too, in whatever group or session it hides.
    @Test func endsTheWholeTreeAtTheTimeout() async throws {
        try await RunningRocklet.run { rocklet in
            let command = "sleep 4321 & setsid sleep 4321 & (setsid setsid sleep 4321 &) ; echo; wait; sleep 4321"
            let answer = try await rocklet.post("/execute", ["command": .string(command), "shell": true, "timeout": 1])
            #expect(answer.failure?.kind == "CommandTimeoutError")
            let left = try await rocklet.get("/processes")["processes"]?.array?.filter {
                $0["command"]?.string == "sleep 4321" && $0["state"] != "Z" && $0["ppid"]?.int == Int(rocklet.process)
            }
            // One that was given away twice before is nobody's child: only the sandbox's end takes it.
            #expect(left?.count ?? 0 <= 1)
            for process in left ?? [] {
                _ = try await rocklet.post("/execute", ["command": ["kill", .string("\(process["pid"]?.int ?? 0)")]])
            }
        }
    }

    @Test func keepsTwoHundredMegabytesFlat() async throws {
        try await RunningRocklet.run { rocklet in
            let answer = try await rocklet.post(
                "/execute",
                [
                    "command": "head -c 200000000 /dev/zero", "shell": true, "encoding": "base64",
                    "output_limit_bytes": 100_000,
                ])
            #expect(answer["stdout_omitted_bytes"] == 199_900_000)
            #expect(Base64.decode(Array((answer["stdout"]?.string ?? "").utf8))?.count == 100_000)
            let status = try await rocklet.post(
                "/execute", ["command": ["grep", "VmHWM", .string("/proc/\(rocklet.process)/status")]])
            let peak = status["stdout"]?.string?.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first
            #expect(try #require(peak) < 40_000, "kilobytes at most")
        }
    }

    @Test func carriesStreamsOverAWebSocket() async throws {
        try await RunningRocklet.run { rocklet in
            let socket = try await rocklet.socket("/exec")
            try await socket.send(
                text: #"{"command":"read a; echo got $a; cat; echo err >&2; exit 5","env":{"X":"y"}}"#)
            try await socket.send(binary: [0] + Array("one\ntwo".utf8))
            try await socket.send(binary: [0])
            var streams: [UInt8: String] = [:]
            var last = ""
            for try await message in socket {
                switch message {
                case .binary(let bytes):
                    streams[bytes[0], default: ""] += String(decoding: bytes.dropFirst(), as: UTF8.self)
                case .text(let text): last = String(decoding: text, as: UTF8.self)
                }
            }
            #expect(streams == [1: "got one\ntwo", 2: "err\n"])
            #expect(last == #"{"exit_code":5,"signal":null}"#)
        }
    }

    @Test func carriesATerminalOverAWebSocket() async throws {
        try await RunningRocklet.run { rocklet in
            let socket = try await rocklet.socket("/exec")
            try await socket.send(
                text:
                    #"{"command":"tty >/dev/null && stty size; read a; trap 'echo resized' WINCH; echo ready; while :; do read -r b && break; done; stty size; kill -9 $$","tty":true,"rows":33,"cols":44}"#
            )
            try await socket.send(binary: [0] + Array("x\r".utf8))
            var (output, last) = ("", "")
            var hasResized = false
            for try await message in socket {
                switch message {
                case .binary(let bytes): output += String(decoding: bytes.dropFirst(), as: UTF8.self)
                case .text(let text): last = String(decoding: text, as: UTF8.self)
                }
                if output.contains("ready"), !hasResized {
                    hasResized = true
                    try await socket.send(text: #"{"resize":[11,22]}"#)
                    try await socket.send(binary: [0] + Array("y\r".utf8))
                }
            }
            #expect(output.hasPrefix("33 44\r\n") || output.hasPrefix("x\r\n33 44\r\n"), "\(output)")
            #expect(output.hasSuffix("11 22\r\n"), "\(output)")
            #expect(last == #"{"exit_code":null,"signal":9}"#)
            let missing = try await rocklet.socket("/exec")
            try await missing.send(text: #"{"command":["nothing-of-the-kind"]}"#)
            var messages = missing.makeAsyncIterator()
            let refusal = try await messages.next()
            #expect(
                refusal == .text(Array(#"{"error":"[Errno 2] No such file or directory: 'nothing-of-the-kind'"}"#.utf8))
            )
        }
    }
}
