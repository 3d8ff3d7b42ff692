import Foundation
import Glibc
import Testing

/// The commands about sandboxes, against a real server and sandboxes of the machine's own tree.
@Suite(.timeLimit(.minutes(5))) struct SandboxTests {
    @Test func saysWhatToDoWithoutAServer() throws {
        for words in [["sandbox", "list"], ["sandbox", "stop", "x"], ["admin", "metrics"]] {
            let answer = try Program.rockctl(words, variables: ["ROCK_BASE_URL": "http://127.0.0.1:1", "HOME": "/tmp"])
            #expect(answer.status == 3 && answer.errors.contains("rockctl admin start"), "\(answer)")
        }
        let exec = try Program.rockctl(
            ["sandbox", "exec", "x", "true"], variables: ["ROCK_BASE_URL": "http://127.0.0.1:1", "HOME": "/tmp"])
        #expect(exec.status == 125 && exec.errors.contains("no server answers"), "\(exec)")
    }

    @Test func livesFromStartToRemoval() throws {
        let server = try SandboxServer()
        try server.start("alpha-one", "--label", "team=red", "--cpus", "0.5", "-m", "256m", "-e", "GREETING=hello")
        try server.start("alpha-two", "--label", "team=blue")

        let listed: [(words: [String], ids: [String])] = [
            ([], ["alpha-one", "alpha-two"]), (["-f", "team=red"], ["alpha-one"]), (["-f", "team=green"], []),
            (["-f", "driver=jail", "--last", "1"], ["alpha-two"]), (["--state", "stopped"], []),
        ]
        for (words, ids) in listed {
            let list = try server.run(["sandbox", "list", "--quiet"] + words)
            #expect(list.output.split(separator: "\n").map(String.init) == ids, "\(words): \(list)")
        }
        #expect(try server.sandbox("list").output.contains("running"))

        // The beginning of an id is enough where it is the beginning of one.
        let one = try server.sandbox("exec", "alpha-o", "sh", "-c", "echo $GREETING; nproc >&2")
        #expect(one.status == 0 && one.output == "hello\n", "\(one)")
        let both = try server.sandbox("exec", "alpha", "true")
        #expect(both.status == 125 && both.errors.contains("alpha-one\n"), "\(both)")
        #expect(try server.sandbox("inspect", "beta").status == 4)

        let facts = try server.json("sandbox", "inspect", "alpha-one")
        let status = try #require(facts["status"] as? [String: Any])
        #expect(status["driver"] as? String == "jail" && status["cpus"] as? Double == 0.5, "\(status)")
        #expect((status["metadata"] as? [String: String]) == ["team": "red"])

        let ports = try server.sandbox("ports", "alpha-one")
        #expect(ports.output.contains("8080 -> 127.0.0.1:"), "\(ports)")
        #expect(try server.json("sandbox", "stats", "alpha-one", "--json")["memory_limit_bytes"] as? Int == 256 << 20)
        #expect(try server.sandbox("logs", "alpha-one").output.contains("rocklet serves"))

        // Files outlive a stop, and a restart begins with them.
        #expect(try server.sandbox("exec", "alpha-one", "sh", "-c", "echo kept > /root/file").status == 0)
        #expect(try server.sandbox("remove", "alpha-one").errors.contains("--force"))
        #expect(try server.sandbox("stop", "alpha-one").output == "alpha-one\n")
        #expect(try server.sandbox("wait", "alpha-one", "--state", "stopped").output == "stopped\n")
        let late = try server.sandbox("wait", "alpha-one", "--timeout", "0s")
        #expect(late.status == 6 && late.errors.contains("still stopped"), "\(late)")
        #expect(try server.sandbox("exec", "alpha-one", "true").status == 125)
        #expect(try server.sandbox("restart", "alpha-one").status == 0)
        #expect(try server.sandbox("exec", "alpha-one", "cat", "/root/file").output == "kept\n")

        let removed = try server.sandbox("remove", "--force", "alpha-one", "alpha-two")
        #expect(removed.output == "alpha-one\nalpha-two\n", "\(removed)")
        #expect(try server.sandbox("list", "--all", "--quiet").output.isEmpty)
    }

    /// A log is followed to the sandbox's end, and folders are seen that the server's configuration names.
    @Test func followsLogsAndMountsFolders() throws {
        let shared = FileManager.default.temporaryDirectory.appending(path: "rock-shared-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: shared + "/set", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: shared) }  // what is left in /tmp fails no test
        try "data\n".write(toFile: shared + "/set/file", atomically: true, encoding: .utf8)
        try FileManager.default.createSymbolicLink(atPath: shared + "/link", withDestinationPath: "/etc")
        let server = try SandboxServer(settings: "runtime: {allowed_mounts: [\(shared)]}\n")

        let refused: [(mount: String, words: String)] = [
            ("/etc:/mnt", "allowed_mounts"), ("\(shared)/set:/mnt:rw", "read-only"), ("\(shared)/link:/mnt", "link"),
            ("\(shared)/../etc:/mnt", ".."), ("\(shared)x:/mnt", "allowed_mounts"),
            ("\(shared)/set/../../etc:/mnt", ".."), ("set:/mnt", "written"),
        ]
        for item in refused {
            let start = try server.sandbox("start", "host", "--runtime", "jail", "--mount", item.mount)
            #expect(start.status != 0 && start.errors.contains(item.words), "\(item.mount): \(start)")
        }
        try server.start("box", "--mount", shared + "/set:/mnt")
        let read = try server.sandbox("exec", "box", "sh", "-c", "cat /mnt/file; touch /mnt/x 2>/dev/null || echo no")
        #expect(read.output == "data\nno\n", "\(read)")

        let log = try server.terminal("logs", "-f", "box")
        #expect(log.wait(for: "rocklet serves"))
        #expect(try server.sandbox("stop", "box").status == 0)
        #expect(log.finish() == 0 && log.shown.contains("ending"), "\(log.shown)")
    }

    @Test func carriesStreamsAndStatuses() throws {
        let server = try SandboxServer()
        try server.start("box")
        let cases: [(words: [String], input: String, status: Int32, output: String, errors: String)] = [
            (["sh", "-c", "echo out; echo err >&2; exit 7"], "", 7, "out\n", "err\n"),
            (["--", "echo", "-n", "--", "-it"], "", 0, "-- -it", ""),
            (["printf", "%s", "--help"], "", 0, "--help", ""),
            (["cat"], "never passed on", 0, "", ""),
            (["sh", "-c", "kill -TERM $$"], "", 143, "", ""),
            (["/etc/passwd"], "", 126, "", "rockctl sandbox exec: "),
            (["no-such-program"], "", 127, "", "rockctl sandbox exec: "),
        ]
        for item in cases {
            let run = try server.run(["sandbox", "exec", "box"] + item.words, input: item.input)
            #expect(run.status == item.status && run.output == item.output, "\(item.words): \(run)")
            #expect(run.errors.hasPrefix(item.errors), "\(item.words): \(run)")
        }
        let text = String(repeating: "line\n", count: 10_000)
        let piped = try server.sandbox(
            "exec", "-i", "-w", "/tmp", "-e", "A=1", "box", "sh", "-c", "pwd; echo $A; cat", input: text)
        #expect(piped.output == "/tmp\n1\n" + text && piped.status == 0)
        let late = try server.sandbox("exec", "--timeout", "0.2s", "box", "sleep", "60")
        #expect(late.status == 124, "\(late)")
        // What was ended is gone.
        #expect(try server.sandbox("exec", "box", "pgrep", "-x", "sleep").output.isEmpty)

        let run = try server.sandbox("run", "--runtime", "jail", "--name", "once", "host", "sh", "-c", "id -u; exit 4")
        #expect(run.status == 4 && run.output == "0\n", "\(run)")
        #expect(try server.sandbox("list", "--all", "-q").output == "box\n")
    }

    @Test func isATerminal() throws {
        let server = try SandboxServer()
        try server.start("box")
        let first = try server.terminal("attach", "box")
        #expect(first.wait(for: "default:/#"))
        first.type("stty size\r")
        #expect(first.wait(for: "24 100\r\n"), "\(first.shown)")
        first.resize(rows: 40, columns: 120)
        first.type("cd /tmp; export LEFT=behind; until stty size | grep '40 120'; do sleep 0.01; done\r")
        #expect(first.wait(for: "40 120\r\n"), "\(first.shown)")
        first.type("echo begun; sleep 600\r")
        #expect(first.wait(for: "begun\r\n"))
        first.type("\u{3}")
        // What is typed before the shell is back may be thrown away with the rest of the line.
        #expect(first.wait(for: "default:/tmp# "), "\(first.shown)")
        first.type("echo status=$?\r")
        #expect(first.wait(for: "status=130\r\n"), "\(first.shown)")
        // Ctrl-P alone is passed on: only both keys leave.
        first.type("\u{10}\u{10}\u{11}")
        #expect(first.wait(for: "detached"), "\(first.shown)")
        #expect(first.finish() == 0 && first.echoes)

        let second = try server.terminal("attach", "box", "--detach-keys", "ctrl-x")
        // What was shown before comes first; then the Ctrl-P that was typed is taken back.
        #expect(second.wait(for: "status=130\r\n"), "\(second.shown)")
        second.type("\u{15}echo $LEFT in $PWD\r")
        #expect(second.wait(for: "behind in /tmp\r\n"), "\(second.shown)")
        second.type("exit 5\r")
        #expect(second.finish() == 5 && second.shown.contains("the session has ended"), "\(second.shown)")

        let exec = try server.terminal("exec", "-it", "box", "sh", "-c", "stty size; read word; echo got $word; exit 9")
        #expect(exec.wait(for: "24 100\r\n"), "\(exec.shown)")
        exec.type("it\r")
        #expect(exec.wait(for: "got it\r\n") && exec.finish() == 9, "\(exec.shown)")

        // Ended from outside, it leaves the terminal as it was.
        let killed = try server.terminal("exec", "-it", "box", "sh", "-c", "echo begun; cat")
        #expect(killed.wait(for: "begun\r\n") && !killed.echoes)
        killed.send(SIGTERM)
        #expect(killed.finish() == 130 && killed.echoes)
        #expect(try server.sandbox("attach", "box").errors.contains("wants a terminal"))
    }

    @Test func copiesBothWays() throws {
        let server = try SandboxServer()
        try server.start("box")
        let here = server.directory + "/here"
        let make = try Program.run(
            "/bin/sh",
            [
                "-c",
                """
                mkdir -p "$0/src/deep" "$0/out"; cd "$0"; echo one > src/one; echo two > src/deep/two; chmod 750 src/one
                ln -s one src/link; head -c 100000000 /dev/urandom > big; touch -d @1000000000 src/one
                """, here,
            ])
        try #require(make.status == 0, "\(make)")
        let copies: [(from: String, to: String)] = [
            ("\(here)/src", "box:/lab"), ("\(here)/src", "box:/lab"), ("\(here)/src/.", "box:/lab2"),
            ("\(here)/big", "box:/tmp/"), ("box:/tmp/big", "\(here)/back"), ("box:/lab", "\(here)/out"),
            ("box:/lab2", "\(here)/new"), ("box:/lab2/deep/.", "\(here)/out"),
        ]
        for (from, to) in copies {
            let copy = try server.sandbox("cp", from, to)
            #expect(copy.status == 0 && copy.output.isEmpty && copy.errors.isEmpty, "\(from) \(to): \(copy)")
        }
        let inside = try server.sandbox(
            "exec", "box", "sh", "-c",
            "cat /lab/one /lab/src/deep/two /lab2/deep/two; stat -c '%a %U %Y' /lab/one; readlink /lab2/link")
        #expect(inside.output == "one\ntwo\ntwo\n750 root 1000000000\none\n", "\(inside)")
        let outside = try Program.run(
            "/bin/sh",
            ["-c", #"cd "$0"; cmp big back && cat out/lab/src/one new/deep/two out/two; readlink new/link; ls"#, here])
        #expect(outside.output == "one\ntwo\ntwo\none\nback\nbig\nnew\nout\nsrc\n", "\(outside)")

        #expect(try server.sandbox("cp", "-", "box:/tmp/typed", input: "by hand\n").status == 0)
        #expect(try server.sandbox("cp", "box:/tmp/typed", "-").output == "by hand\n")
        let wrong: [(from: String, to: String, status: Int32)] = [
            ("box:/nothing", here, 4), (here + "/nothing", "box:/", 4), ("a", "b", 2), ("box:/a", "box:/b", 2),
            ("box:/tmp/typed", here + "/none/file", 4), (here + "/src", "box:/tmp/typed", 1), ("box:/lab", "-", 2),
        ]
        for (from, to, status) in wrong {
            let copy = try server.sandbox("cp", from, to)
            #expect(copy.status == status && !copy.errors.isEmpty, "\(from) \(to): \(copy)")
        }
    }

    @Test func administersTheServer() throws {
        let server = try SandboxServer()
        #expect(try server.run(["admin", "config", "get", "get_status"]).output == "registry\n")
        #expect(try server.run(["admin", "config", "set", "get_status=legacy"]).output == "get_status=legacy\n")
        #expect(try server.run(["admin", "config", "set", "nothing=1"]).status == 4)
        let made = try server.run(["admin", "keys", "create", "--name", "reader", "--scope", "read"])
        #expect(made.status == 0 && made.output.hasPrefix("rock_"), "\(made)")
        let keys = try #require(try server.json("admin", "keys", "list", "--json")["keys"] as? [[String: Any]])
        let id = try #require(keys.first?["key_id"] as? String)
        #expect(try server.run(["admin", "keys", "revoke", id]).output == id + "\n")
        try server.start("box")
        #expect(try server.sandbox("remove", "-f", "box").status == 0)
        #expect(try server.run(["admin", "audit"]).output.contains("admin.keys.revoke"))
        #expect(try server.run(["admin", "billing"]).output.contains("box"))
        #expect(try server.run(["admin", "metrics"]).output.contains("\nrock_build_info"))
    }

    /// A key from each place where one can be, and the refusal without.
    @Test func showsItsKey() throws {
        let server = try SandboxServer()
        #expect(try server.run(["admin", "stop"]).status == 0)
        let file = server.directory + "/rock.yaml"
        try Data("api_keys: always\n".utf8).write(to: URL(filePath: file))
        let key = try server.run(["admin", "keys", "create", "--scope", "admin"]).output
        let start = try server.run(["admin", "start", "--detach", "--port", "0", "--config", file])
        try #require(start.status == 0, "\(start)")
        let refused = try server.sandbox("list")
        #expect(refused.status == 5 && refused.errors.contains("--key-file"), "\(refused)")
        let keyFile = server.directory + "/key"
        try Data(key.utf8).write(to: URL(filePath: keyFile))
        #expect(try server.sandbox("list", "--key-file", keyFile).status == 0)
        let byVariable = server.variables.merging(["ROCK_API_KEY": key]) { $1 }
        #expect(try Program.rockctl(["sandbox", "list"], variables: byVariable).status == 0)
        try FileManager.default.createDirectory(atPath: server.directory + "/.rock", withIntermediateDirectories: true)
        try Data("[rock]\napi_key = \(key)".utf8).write(to: URL(filePath: server.directory + "/.rock/config.ini"))
        #expect(try server.sandbox("list").status == 0)
    }
}
