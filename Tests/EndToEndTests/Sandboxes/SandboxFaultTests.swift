import Foundation
import Glibc
import Testing

/// The bad day: servers that die, clients that leave, and everybody at once. Each test ends with a look for what is left of
/// sandboxes that are gone.
@Suite(.timeLimit(.minutes(5)), .serialized) struct SandboxFaultTests {
    /// A server may end in any way; its sandboxes go on, with what their sessions hold and what runs in them.
    @Test(arguments: SandboxRuntime.allCases, [SIGTERM, SIGKILL])
    func sessionsOutliveTheServer(_ runtime: SandboxRuntime, _ signal: Int32) async throws {
        try await SandboxServer.Place.use(runtime) { place in
            let id = try await place.serve(endingBy: signal, keeps: true) { sandboxes in
                let id = try await sandboxes.start()
                _ = try await sandboxes.post("create_session", ["sandbox_id": id, "session": "work"])
                _ = try await sandboxes.run(
                    "cd /var/tmp; x=kept; f() { echo f$1; }; sleep 1000 & echo $! >pid", in: "work", of: id)
                return id
            }
            for round in 1...2 {
                try await place.serve(endingBy: round == 1 ? signal : SIGTERM, keeps: round == 1) { sandboxes in
                    let told = try await sandboxes.run(
                        "pwd; echo $x; f 2; kill -0 $(cat pid) && echo on", in: "work", of: id)
                    #expect(told == "/var/tmp\r\nkept\r\nf2\r\non")
                    #expect(try await sandboxes.sandboxes(in: "running") == [id])
                    #expect(try await sandboxes.shell("cat /var/tmp/pid | wc -l", in: id) == "1\n")
                }
            }
        }
    }

    /// What died while nobody looked is told as such by the next server.
    @Test func aSandboxThatDiedMeanwhileIsMarked() async throws {
        try await SandboxServer.Place.use(.jail) { place in
            let (dead, alive) = try await place.serve(endingBy: SIGKILL) { sandboxes in
                let pair = (try await sandboxes.start(), try await sandboxes.start())
                let state = try Data(
                    contentsOf: URL(fileURLWithPath: place.directory + "/sandboxes/\(pair.0)/state.json"))
                let json = try #require(try JSONSerialization.jsonObject(with: state) as? [String: Any])
                let process = try #require(json["process"] as? Int ?? json["pid"] as? Int, "\(json)")
                kill(sandboxes.server.process, SIGSTOP)
                kill(pid_t(process), SIGKILL)
                return pair
            }
            try await place.serve { sandboxes in
                let told = try await sandboxes.get("get_status?sandbox_id=\(dead)&include_all_states=true")
                #expect(told.result?["state"] as? String == "stopped", "\(told.body)")
                #expect((told.result?["reason"] as? String)?.isEmpty == false, "\(told.body)")
                #expect(try await sandboxes.shell("echo on", in: alive) == "on\n")
            }
        }
    }

    @Test func aHundredStartAtOnce() async throws {
        try await SandboxServer.run(.jail) { sandboxes in
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 1...100 { group.addTask { try await sandboxes.start() } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(ids.count == 100)
            #expect(Set(try await sandboxes.sandboxes(in: "running")) == ids)
        }
    }

    @Test(arguments: SandboxRuntime.allCases)
    func sixtyFourClientsShareASession(_ runtime: SandboxRuntime) async throws {
        try await SandboxServer.run(runtime) { sandboxes in
            let id = try await sandboxes.start()
            _ = try await sandboxes.post("create_session", ["sandbox_id": id, "session": "all"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 1...64 {
                    group.addTask {
                        let told = try await sandboxes.run(
                            "echo a\(client); n=$((n + 1)); echo b\(client)", in: "all", of: id)
                        #expect(told == "a\(client)\r\nb\(client)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await sandboxes.run("echo $n", in: "all", of: id) == "64")
        }
    }

    /// Clients that leave in the middle of an upload, a program, a session's command and a start.
    @Test(arguments: SandboxRuntime.allCases)
    func clientsThatLeaveHarmNobody(_ runtime: SandboxRuntime) async throws {
        try await SandboxServer.run(runtime) { sandboxes in
            let id = try await sandboxes.start()
            _ = try await sandboxes.post("create_session", ["sandbox_id": id, "session": "work"])
            let before = try await sandboxes.shell("find / -xdev -type f -size +500k | sort | sha256sum", in: id)
            for (path, body) in [
                ("execute", #"{"sandbox_id":"\#(id)","command":["sleep","997"]}"#),
                ("run_in_session", #"{"sandbox_id":"\#(id)","session":"work","command":"sleep 998"}"#),
                ("start", #"{"sandbox_id":"left-alone","image":"python:3.11","memory":"256m","cpus":0.5}"#),
            ] {
                // curl leaves when its time is over.
                let left = try await EndToEndTests.run(
                    "/usr/bin/curl",
                    [
                        "--silent", "--max-time", path == "start" ? "0.02" : "0.5", "--data-binary", body, "-H",
                        "Content-Type: application/json", "\(sandboxes.server.url)/apis/envs/sandbox/v1/\(path)",
                    ])
                #expect(left.status == 28 || path == "start", "\(path): \(left.output)")
            }
            try await leaveAnUpload(to: "/opt/half", of: id, on: sandboxes)

            // Their work ends with them, and the session takes the next command.
            let ended = "for i in $(seq 200); do pgrep -x sleep >/dev/null || break; sleep 0.1; done; pgrep -cx sleep"
            #expect(try await sandboxes.shell(ended, in: id) == "0\n")
            #expect(try await sandboxes.run("echo next", in: "work", of: id) == "next")
            let gone = "for i in $(seq 100); do [ -z \"$(ls /opt)\" ] && break; sleep 0.1; done; ls /opt"
            #expect(try await sandboxes.shell(gone, in: id) == "")
            #expect(try await sandboxes.shell("find / -xdev -type f -size +500k | sort | sha256sum", in: id) == before)
            let stopped = try await sandboxes.post("stop", ["sandbox_id": "left-alone"])
            #expect(stopped.status == 200)
        }
    }
    /// Announces ten megabytes, sends one, and leaves.
    private func leaveAnUpload(to path: String, of id: String, on sandboxes: SandboxServer) async throws {
        let fields = [("target_path", path), ("sandbox_id", id)]
            .map { "--b\r\nContent-Disposition: form-data; name=\"\($0)\"\r\n\r\n\($1)\r\n" }.joined()
        let connection = try await RawConnection(
            try sandboxes.server.address,
            sending: "POST /apis/envs/sandbox/v1/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n"
                + "Content-Type: multipart/form-data; boundary=b\r\n\r\n\(fields)"
                + "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"half\"\r\n\r\n")
        try await connection.send([UInt8](repeating: 0x41, count: 1_000_000))
    }
}
