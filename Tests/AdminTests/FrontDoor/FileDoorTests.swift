import GEM
import Testing
import Transport

@testable import Admin

@Suite(.timeLimit(.minutes(1))) struct FileDoorTests {
    @Test func filesGoInAndOutWithoutBeingCollected() async throws {
        try await DoorFixture.with { door in
            try await door.start("sb")
            let path = "/tmp/rock-door-file-\(Int.random(in: 0...Int.max))"
            let files = "/sandboxes/sb/files?path=\(path)"
            let bytes = [UInt8]((0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let put = try await door.client.send(
                HTTPClientRequest("PUT", Interface.sandboxes + files + "&mode=640", body: bytes))
            #expect(put.status == 200 && String(decoding: put.body, as: UTF8.self).contains("700000"))
            #expect(try await door.rock("GET", files).body == bytes)
            for (range, status, expected) in [
                ("bytes=5-9", 206, bytes[5...9]), ("bytes=699999-", 206, bytes[699_999...]),
                ("bytes=-3", 206, bytes[699_997...]),
                ("bytes=900000-", 416, []), ("bytes=9-5", 200, bytes[...]), ("lines=1-2", 200, bytes[...]),
            ] as [(String, Int, ArraySlice<UInt8>)] {
                let answer = try await door.rock("GET", files, headers: [HTTPField("Range", range)])
                #expect(answer.status == status && (status == 416 || answer.body[...] == expected), "\(range)")
            }
            let command = #"{"sandbox_id":"sb","command":["rm","\#(path)"]}"#
            #expect(try await door.rock("POST", "/execute", command).json["result"]?["exit_code"] == 0)
            #expect(try await door.rock("GET", files).status == 404)
            #expect(try await door.rock("GET", "/sandboxes/sb/files?path=/tmp").status == 400)
        }
    }

    @Test func foldersGoInAndOutAsTar() async throws {
        try await DoorFixture.with { door in
            try await door.start("sb")
            let folder = "/tmp/rock-door-folder-\(Int.random(in: 0...Int.max))"
            func execute(_ command: String) async throws -> JSON {
                let body: JSON = ["sandbox_id": "sb", "command": .string(command), "shell": true]
                return try await door.rock("POST", "/execute", String(decoding: body.serialized, as: UTF8.self)).json[
                    "result"] ?? .null
            }
            let made = try await execute(
                "mkdir -p \(folder)/a/b && seq 200000 > \(folder)/a/b/numbers && ln -s b/numbers \(folder)/a/link")
            try #require(made["exit_code"] == 0)
            let archive = "/sandboxes/sb/archive?path="
            let tar = try await door.rock("GET", archive + folder + "/a")
            #expect(tar.status == 200 && tar.headers["Content-Type"] == "application/x-tar")

            func put(_ path: String, _ bytes: [UInt8], chunked: Bool = false) async throws -> (Int, JSON) {
                var request = HTTPClientRequest("PUT", Interface.sandboxes + archive + path)
                request.upload = HTTPUpload(length: chunked ? nil : bytes.count) { try await $0.write(bytes) }
                let answer = try await door.client.send(request)
                return (Int(answer.status.rawValue), (try? JSON(parsing: answer.body.span)) ?? .null)
            }
            for (path, chunked) in [("/x", false), ("/y/z", true)] {
                let (status, answer) = try await put(folder + path, tar.body, chunked: chunked)
                #expect(status == 200 && answer["entries"]?.int == 4, "\(path): \(answer)")
                let same = try await execute(
                    "diff -r \(folder)/a \(folder)\(path)/a && readlink \(folder)\(path)/a/link")
                #expect(same["stdout"] == "b/numbers\n", "\(path): \(same)")
            }
            for (what, bytes) in [
                ("garbage", [UInt8](repeating: 0x41, count: 100_000)), ("cut short", Array(tar.body.prefix(700_000))),
                ("garbage that goes on", [UInt8](repeating: 0x41, count: 8 << 20)),
            ] {
                let (status, answer) = try await put(folder + "/w", bytes)
                #expect(status == 400 && answer["detail"]?.string != nil, "\(what): \(status) \(answer)")
            }
            #expect(try await put(folder + "/a/link", tar.body).0 == 400)
            #expect(try await execute("rm -r \(folder)")["exit_code"] == 0)
        }
    }
}
