import Foundation
import GEM
import Testing
import Transport

/// What no client should send, through every door: answered or cut off, and forgotten.
@Suite(.timeLimit(.minutes(3))) struct GarbageTests {
    /// Valid messages to spoil.
    private static func messages(_ sandbox: String) -> [String] {
        [
            #"{"jsonrpc":"2.0","id":1,"method":"step","params":{"sandbox_id":"\#(sandbox)","action":"\\boxed{up}"}}"#,
            #"{"jsonrpc":"2.0","id":"é","method":"make","params":{"env_id":"game:Nowhere-v0","kwargs":{"n":[1,2.5e3]}}}"#,
            #"[{"jsonrpc":"2.0","id":null,"method":"status","params":["\#(sandbox)"]},{"jsonrpc":"2.0","method":"x"}]"#,
            #"{"jsonrpc":"2.0","id":2,"method":"reset","params":{"sandbox_id":"\#(sandbox)","seed":42}}"#,
        ]
    }

    /// `text` with up to four bytes changed, added or taken away.
    private static func spoiled(_ text: String, _ random: inout MersenneTwister, keeping kept: [UInt8] = []) -> [UInt8]
    {
        var bytes = Array(text.utf8)
        for _ in 0...random.below(4) where !bytes.isEmpty {
            let place = random.below(bytes.count)
            let byte = UInt8(random.below(256))
            switch random.below(4) {
            case 0: bytes[place] = byte
            case 1: bytes.insert(byte, at: place)
            case 2: bytes.remove(at: place)
            default: bytes.removeSubrange(place..<min(bytes.count, place + random.below(40)))
            }
        }
        return bytes.filter { !kept.contains($0) }
    }

    /// How many descriptors a server holds.
    private static func descriptors(of server: RunningServer) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.process)/fd").count
    }

    /// Plays a little and expects that to work, then returns the ids of the sandboxes in use.
    private static func fixture(_ server: RunningServer) async throws -> (Client, JSON) {
        let client = try Client(http: server)
        let sandbox = try await client.make()
        _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 42])
        return (client, sandbox)
    }

    @Test func spoiledMessagesOverHTTPAndLines() async throws {
        try await RunningServer.run { server in
            let (client, sandbox) = try await Self.fixture(server)
            let id = try #require(sandbox.string)
            let http = HTTPClient(try server.address, on: testLoop)
            let lines = try await LineConnection.connect(to: .unix(path: server.rpcSocket), on: testLoop)
            var answers = lines.lines.makeAsyncIterator()
            var random = MersenneTwister(seed: 1)
            for round in 0..<1500 {
                let message = Self.spoiled(
                    Self.messages(id)[round % 4], &random, keeping: [0x0A])
                let answer = try await http.send(HTTPClientRequest("POST", "/rpc", body: message))
                let isSilent = answer.status == 204  // it became a notification
                #expect(isSilent || answer.status == 200)
                if !isSilent {
                    let json = try JSON(parsing: answer.body.span)
                    #expect(json.array != nil || json["result"] != nil || json.kind != nil, "\(json)")
                    #expect(json.kind != "internal_error", "\(String(decoding: message, as: UTF8.self))")
                }
                // An empty line is no message, and a notification has no answer to wait for.
                guard !message.isEmpty, !isSilent else { continue }
                try await lines.send(message)
                let line = try #require(try await answers.next())
                #expect(try JSON(parsing: line.span)["jsonrpc"] != nil || line.first == UInt8(ascii: "["))
            }
            let status = try await client.result("status", ["sandbox_id": sandbox])
            #expect(status["state"] == "running")
        }
    }

    @Test func spoiledRequestsAndFrames() async throws {
        // A warm pool that fills up would change the number of descriptors.
        try await RunningServer.run(configuration: "sandboxes: { warm_pool: 0 }") { server in
            let (client, sandbox) = try await Self.fixture(server)
            let body = Self.messages(try #require(sandbox.string))[0]
            let upgrade = """
                GET /rpc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
                """
            let requests = [
                "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)",
                "POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n\(body.prefix(16))\r\n0\r\n\r\n",
                "GET /health?a=%41&b HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n", upgrade,
            ]
            let before = try Self.descriptors(of: server)
            var random = MersenneTwister(seed: 2)
            for round in 0..<600 {
                let connection = try await RawConnection(try server.address)
                if round % 5 == 4 {
                    // A good handshake, then frames of noise.
                    try await connection.send(upgrade)
                    _ = try await connection.receive()
                    try? await connection.send((0..<40).map { _ in UInt8(random.below(256)) })
                } else {
                    try? await connection.send(Self.spoiled(requests[round % 4], &random))
                }
                try? await connection.finishSending()
                let answer = await connection.receiveAll()
                #expect(!answer.contains("HTTP/1.1 500"), "\(answer.prefix(200))")
            }
            // What was spoiled may have been a move all the same, even the last one.
            _ = try await client.result("reset", ["sandbox_id": sandbox, "seed": 42])
            _ = try await client.result("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
            while try Self.descriptors(of: server) > before { _ = try await client.call("list", [:]) }
        }
    }

    @Test func tooMuchIsRefusedByName() async throws {
        let configuration = "limits: { message_bytes: 65536, batch_count: 8 }"
        try await RunningServer.run(configuration: configuration) { server in
            let (client, sandbox) = try await Self.fixture(server)
            let large = JSON.string(String(repeating: "a", count: 70_000))
            let http = HTTPClient(try server.address, on: testLoop)
            let step = Client.request("step", ["sandbox_id": sandbox, "action": large], id: 1)
            #expect(try await http.send(HTTPClientRequest("POST", "/rpc", body: step.serialized)).status == 413)

            let line = try await RawConnection(.unix(path: server.rpcSocket))
            try await line.send(step.serialized)
            let refusal = await line.receiveAll()
            #expect(refusal.contains(#""kind":"too_large""#) && refusal.contains("65536"), "\(refusal)")

            let batch = JSON.array((0..<9).map { Client.request("list", [:], id: $0) })
            #expect(try await client.exchange(batch).kind == "too_large")
            let many = try await client.call("make", ["env_id": "game:Sokoban-v0-easy", "num_envs": 1_000_000_000])
            #expect(many.kind == "invalid_params" || many.kind == "too_large", "\(many)")
            _ = try await client.result("step", ["sandbox_id": sandbox, "action": "\\boxed{up}"])
        }
    }

    @Test func slowAndHalfClosedConnections() async throws {
        let configuration = "limits: { head_timeout_seconds: 1, body_timeout_seconds: 1 }"
        try await RunningServer.run(configuration: configuration) { server in
            let body = #"{"jsonrpc":"2.0","id":1,"method":"list"}"#
            let head =
                "POST /rpc HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            // What is sent, whether the client then says that nothing more comes, and how the answer begins.
            let cases: [(String, Bool, String)] = [
                ("", false, ""), ("POST /rpc HT", false, "HTTP/1.1 408"),
                (head + body.prefix(5), false, "HTTP/1.1 408"),
                (head + body, false, "HTTP/1.1 200"), (head + body, true, "HTTP/1.1 200"),
                ("POST /rpc HT", true, ""), (head + body.prefix(5), true, ""), ("", true, ""),
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (text, ends, beginning) in cases {
                    group.addTask {
                        let connection = try await RawConnection(try server.address, sending: text)
                        if ends { try? await connection.finishSending() }
                        let answer = await connection.receiveAll()
                        #expect(
                            beginning.isEmpty ? !answer.contains("200 OK") : answer.hasPrefix(beginning),
                            "\(text.prefix(20)) \(ends): \(answer.prefix(80))")
                    }
                }
                try await group.waitForAll()
            }
            // A line without its end is no message; those before it are answered although nothing more comes.
            let line = try await RawConnection(.unix(path: server.rpcSocket))
            try await line.send(body + "\n" + body)
            try await line.finishSending()
            #expect(await line.receiveAll().split(separator: "\n").count >= 1)
        }
    }
}
