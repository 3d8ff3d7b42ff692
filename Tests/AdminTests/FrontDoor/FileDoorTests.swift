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
}
