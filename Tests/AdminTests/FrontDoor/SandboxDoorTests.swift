import GEM
import Registry
import Testing
import Transport

@testable import Admin

@Suite(.timeLimit(.minutes(1))) struct SandboxDoorTests {
    @Test func aSandboxLivesAsRocksClientsExpect() async throws {
        try await DoorFixture.with { door in
            let headers = [HTTPField("X-User-Id", "u"), HTTPField("X-Namespace", "n"), HTTPField("X-Key", "k")]
            let started = try await door.rock(
                "POST", "/start_async",
                #"{"image":"python:3.11","sandbox_id":"sb","memory":"1g","cpus":1,"auto_clear_time_minutes":1.5,"unknown":{}}"#,
                headers: headers)
            let result = started.json["result"]
            #expect(started.status == 200 && started.json["status"] == "Success" && started.json["message"] == .null)
            #expect(result?["sandbox_id"] == "sb" && result?["code"] == .null && result?["host_name"]?.string != nil)
            let waited = try await door.rock("GET", "/sandboxes/sb/wait?state=running&timeout=30")
            #expect(waited.status == 200 && waited.json["state"] == "running")
            let status = try await door.rock("GET", "/get_status?sandbox_id=sb&include_all_states=True").json["result"]
            #expect(status?["is_alive"] == true && status?["namespace"] == "n" && status?["user_id"] == "u")
            #expect(
                status?["port_mapping"]?["8080"]?.int == 40003
                    && status?["status"]?["docker_run"]?["status"] == "success")

            for (call, body, member, expected) in Self.calls {
                let answer = try await door.rock("POST", call, body)
                #expect(answer.json["result"]?[member] == expected, "\(call) \(body): \(answer.text)")
            }
            let listed = try await door.rock("GET", "/sandboxes?user_id=u&page=1&page_size=2").json["result"]
            #expect(listed?["total"]?.int == 1 && listed?["items"]?[0]?["sandbox_id"] == "sb")
            let batch = try await door.rock("POST", "/sandboxes/batch", #"{"sandbox_ids":["no","sb"]}"#).json["result"]
            #expect(batch?["statuses"]?.array?.count == 1)

            #expect(try await door.rock("POST", "/stop", #"{"sandbox_id":"sb"}"#).json["result"] == "sb stopped")
            #expect(try await door.rock("POST", "/stop", #"{"sandbox_id":"sb"}"#).json["status"] == "Success")
            let after = try await door.rock("GET", "/get_status?sandbox_id=sb&include_all_states=true").json["result"]
            #expect(after?["state"] == "stopped" && after?["is_alive"] == false)
            #expect(try await door.rock("POST", "/sandboxes/sb/restart").json["status"] == "Success")
            _ = try await door.rock("GET", "/sandboxes/sb/wait?state=running&timeout=30")
            #expect(
                try await door.rock("POST", "/execute", #"{"sandbox_id":"sb","command":["true"]}"#).json["status"]
                    == "Success")
        }
    }

    private static let calls: [(String, String, String, JSON)] = [
        ("/execute", #"{"sandbox_id":"sb","command":["echo","hi"]}"#, "stdout", "hi\n"),
        ("/execute", #"{"sandbox_id":"sb","command":"exit 3","shell":true,"timeout":5}"#, "exit_code", 3),
    ]

    /// What goes wrong: path, body, and what the envelope says.
    @Test(
        arguments: [
            ("GET", "/get_status?sandbox_id=no", "", "get sandbox status failed", "Sandbox no not found", 4000),
            ("POST", "/execute", #"{"sandbox_id":"no","command":"x"}"#, "execute command failed", "not found", 4000),
            ("POST", "/start_async", #"{"cpus":17}"#, "async start sandbox failed", "17", 4000),
            ("POST", "/start_async", #"{"memory":"65g"}"#, "async start sandbox failed", "65g", 4000),
            ("POST", "/start_async", #"{"sandbox_id":"A B"}"#, "async start sandbox failed", "sandbox_id", 4000),
            ("POST", "/start", #"{"image":"nosuch:image"}"#, "start sandbox failed", "Failed to pull image", 5000),
            ("POST", "/restart", #"{"sandbox_id":"no"}"#, "restart sandbox failed", "not found", 4000),
            ("GET", "/sandboxes?page=0", "", "list sandboxes failed", "at least 1", 4000),
            ("GET", "/sandboxes?page_size=2001", "", "list sandboxes failed", "page_size exceeds maximum 2000", 4000),
            ("GET", "/sandboxes?page=x", "", "list sandboxes failed", "whole number", 4000),
            ("GET", "/get_token?account=primary", "", "get oss sts token failed", "not configured", 4000),
        ])
    func failuresStandInTheEnvelope(
        method: String, path: String, body: String, message: String, reason: String, code: Int
    ) async throws {
        try await DoorFixture.with { door in
            let answer = try await door.rock(method, path, body)
            #expect(
                answer.status == 200 && answer.json["status"] == "Failed" && answer.json["message"]?.string == message)
            #expect(answer.error.contains(reason), "\(answer.error)")
            #expect(
                answer.json["result"]?["code"]?.int == code
                    && answer.json["result"]?["failure_reason"]?.string == answer.error)
        }
    }

    @Test func shapesAndPathsAreRefusedAsRockDoes() async throws {
        try await DoorFixture.with { door in
            let prefix = Interface.sandboxes
            for (method, path, body, status, part) in [
                ("POST", "/execute", "{}", 422, #""loc":["body","sandbox_id"],"msg":"Field required""#),
                ("POST", "/execute", "{", 422, #""type":"json_invalid""#), ("POST", "/execute", "", 422, #""missing""#),
                ("POST", "/execute", "[]", 422, "model_attributes_type"),
                ("POST", "/execute", #"{"sandbox_id":7,"command":1}"#, 422, "union_type"),
                ("GET", "/get_status", "", 422, #""loc":["query","sandbox_id"]"#),
                ("GET", "/get_status?sandbox_id=x&include_all_states=perhaps", "", 422, "bool_type"),
                ("GET", "/execute", "", 405, "Method Not Allowed"), ("GET", "/nothing", "", 404, "Not Found"),
                ("GET", "/sandboxes/x/wait?state=up", "", 422, "enum"),
                ("GET", "/sandboxes/x/wait", "", 404, "unknown_sandbox"),
                ("GET", "/sandboxes/x", "", 404, "unknown_sandbox"),
            ] {
                let answer = try await door.ask(method, prefix + path, body)
                #expect(
                    answer.status == status && answer.text.contains(part), "\(method) \(path) \(body): \(answer.text)")
            }
        }
    }

    @Test func aKeySeesItsOwnNamespaceAndDoesWhatItsScopeAllows() async throws {
        try await DoorFixture.with(keyRequired: true) { door in
            let (a, b) = (try await door.key(.user, ["a"]), try await door.key(.user, ["b"]))
            let (reader, admin) = (try await door.key(.read, ["a"]), try await door.key(.admin))
            try await door.start("sa", a)
            #expect(
                try await door.rock("GET", "/get_status?sandbox_id=sa", headers: a).json["result"]?["namespace"] == "a")
            let command = #"{"sandbox_id":"sa","command":["true"]}"#
            for (who, headers, path, body, status, text) in [
                ("nobody", [], "/get_status?sandbox_id=sa", "", 401, "API key"),
                ("b", b, "/get_status?sandbox_id=sa", "", 200, "not found"),
                ("b", b, "/execute", command, 200, "not found"),
                ("b", b, "/stop", #"{"sandbox_id":"sa"}"#, 200, "sa stopped"),
                ("b", b + [HTTPField("X-Namespace", "a")], "/start_async", "{}", 200, "namespace"),
                ("b", b, "/sandboxes", "", 200, #""total":0"#), ("a", a, "/sandboxes", "", 200, #""total":1"#),
                ("reader", reader, "/get_status?sandbox_id=sa", "", 200, "running"),
                ("reader", reader, "/execute", command, 403, "scope user"),
                ("admin", admin, "/execute", command, 200, "Success"),
                ("a", a, "/execute", command, 200, "Success"),
            ] as [(String, [HTTPField], String, String, Int, String)] {
                let answer = try await door.rock(body.isEmpty ? "GET" : "POST", path, body, headers: headers)
                #expect(
                    answer.status == status && answer.text.contains(text),
                    "\(who) \(path): \(answer.status) \(answer.text)")
            }
            #expect(try await door.ask("GET", "/apis/admin/v1/keys", headers: a).status == 403)
            // What the SDK can be told to send.
            let token = String((admin.first?.value ?? "").dropFirst(7))
            for header in [HTTPField("XRL-Authorization", "Bearer \(token)"), HTTPField("X-API-Key", token)] {
                #expect(try await door.ask("GET", "/apis/admin/v1/keys", headers: [header]).status == 200)
            }
            let id = String(token.dropFirst(5).prefix(8))
            #expect(try await door.ask("DELETE", "/apis/admin/v1/keys/\(id)", headers: admin).status == 200)
            #expect(try await door.ask("GET", "/apis/admin/v1/keys", headers: admin).status == 401)
        }
    }

    @Test func pagesOfListedOriginsMayCallAndOthersMayNot() async throws {
        try await DoorFixture.with(origins: ["https://a.example"], hosts: ["rock.example"]) { door in
            let (ours, theirs) = (HTTPField("Origin", "https://a.example"), HTTPField("Origin", "https://b.example"))
            let ask = HTTPField("Access-Control-Request-Method", "POST")
            let flight = try await door.rock("OPTIONS", "/execute", headers: [ours, ask])
            #expect(flight.status == 204 && flight.headers["Access-Control-Allow-Origin"] == "https://a.example")
            #expect(flight.headers["Access-Control-Allow-Credentials"] == "true")
            let answer = try await door.rock("GET", "/get_nacos_config", headers: [ours])
            #expect(answer.status == 200 && answer.headers["Vary"] == "Origin")
            #expect(try await door.rock("GET", "/get_nacos_config", headers: [theirs]).status == 403)
            #expect(try await door.rock("OPTIONS", "/execute", headers: [theirs, ask]).status == 403)
        }
    }

    @Test func eventsComeInOrderAndFromWhereTheReaderWas() async throws {
        try await DoorFixture.with { door in
            let before = try await door.rock("GET", "/events?timeout=0").json["next"]?.int ?? -1
            try await door.start("sb")
            let page = try await door.rock("GET", "/events?since=\(before)&timeout=5")
            let events = page.json["events"]?.array ?? []
            #expect(
                events.first?["to_state"] == "pending" && events.contains { $0["to_state"] == "running" },
                "\(page.text)")
            #expect(events.compactMap { $0["sequence"]?.int } == events.compactMap { $0["sequence"]?.int }.sorted())
        }
    }
}
