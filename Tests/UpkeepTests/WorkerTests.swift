import GEM
import Glibc
import Testing
import Transport

@testable import Upkeep

@Suite(.timeLimit(.minutes(1))) struct WorkerTests {
    @Test func writesDownWhatAProgramDid() async throws {
        let room = try Room()
        let script = try room.script("job", "#!/bin/sh\necho \"$1 $NAME\"\nexit $2\n")
        let worker = try room.worker()
        let order = { (code: String) in
            TaskOrder("Program", ["command": [.string(script), "a b; echo $HOME", .string(code)], "env": ["NAME=x"]])
        }
        let good = await worker.carryOut(order("0"))
        #expect(good.status == .success && good.details["output"] == "a b; echo $HOME x\n", "\(good)")
        let status = try room.status("program")
        #expect(status["status"] == "success" && status["worker_ip"] == "127.0.0.1" && status["task_name"] == "program")
        #expect(status["last_run"] == "2026-01-21T19:38:00" && status["pid"] == .null && status["error"] == .null)
        let bad = await worker.carryOut(order("3"))
        #expect(bad.status == .failed && bad.error?.contains("status 3") == true, "\(bad)")
        #expect(try room.status("program")["status"] == "failed")
    }

    @Test func endsWhatTakesTooLongWithAllItStarted() async throws {
        let room = try Room()
        #expect(mkfifo(room.path + "/pipe", 0o600) == 0)
        // The child holds the pipe's writing end for as long as it lives.
        let script = try room.script("job", "#!/bin/sh\nexec 9>\(room.path)/pipe\nsleep 1000 &\nwait\n")
        let pipe = open(room.path + "/pipe", O_RDONLY | O_NONBLOCK)
        defer { close(pipe) }
        let report = try await room.worker().carryOut(
            TaskOrder("Program", ["command": [.string(script)]], within: .milliseconds(300)))
        #expect(report.status == .failed && report.error?.contains("longer than") == true, "\(report)")
        var wait = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
        #expect(poll(&wait, 1, 10_000) == 1 && wait.revents & Int16(POLLHUP) != 0)
    }

    @Test func doesNotRunATaskTwiceAtATime() async throws {
        let room = try Room()
        #expect(mkfifo(room.path + "/pipe", 0o600) == 0)
        let script = try room.script("job", "#!/bin/sh\nread line <\(room.path)/pipe\n")
        let worker = try room.worker()
        let order = TaskOrder("Program", ["command": [.string(script)]])
        async let first = worker.carryOut(order)
        // Opens when the script reads.
        let pipe = try await BlockingPool(threads: 1).run { open(room.path + "/pipe", O_WRONLY) }
        #expect(await worker.carryOut(order).status == .busy)
        #expect(write(pipe, "go\n", 3) == 3)
        close(pipe)
        #expect(await first.status == .success)
    }

    @Test(arguments: [
        ("Program", "{}", "command"), ("Nothing", "{}", "no task"),
        ("DockerHealth", #"{"restar": ["x"]}"#, "Did you mean \"restart\""), ("DockerHealth", "{}", "no driver"),
    ])
    func saysWhatIsWrong(_ kind: String, _ parameters: String, _ words: String) async throws {
        let parameters = try #require(try JSON(parsing: parameters).object)
        let room = try Room()
        let report = try await room.worker().carryOut(TaskOrder(kind, parameters))
        #expect(report.status == .failed && report.error?.contains(words) == true, "\(report)")
    }

    /// What an earlier run has started goes on, and is not started again; a number that another process has now counts for nothing.
    @Test(arguments: [(true, TaskReport.Status.running), (false, .success)])
    func leavesALivingProcessAlone(_ isItsOwn: Bool, _ expected: TaskReport.Status) async throws {
        let room = try Room()
        let mark = try #require(ProcessMark(getpid()))
        try StatusFile("imagecleanup", in: room.path + "/status").write(
            StatusFile.Content(
                task: "imagecleanup", address: "127.0.0.1", report: TaskReport(.running, process: mark.number),
                lastRun: "2026-01-21T19:00:00", processStart: mark.start + (isItsOwn ? 0 : 1)))
        let report = try await room.worker().carryOut(TaskOrder("ImageCleanup", [:]))
        #expect(report.status == expected)
    }
}
