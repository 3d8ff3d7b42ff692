import GEM
import Glibc
import Testing

@testable import Transport

/// Files through a real rocklet: what needs its children, and its second socket.
@Suite(.timeLimit(.minutes(2))) struct FileProcessTests {
    @Test func extractsZipFiles() async throws {
        try await RunningRocklet.run { rocklet in
            let folder = rocklet.folder
            let script = """
                mkdir \(folder)/in && echo zipped > \(folder)/in/file
                cd \(folder) && python3 -m zipfile -c in.zip in
                """
            let made = try await rocklet.post(
                "/execute", ["command": .string(script), "shell": true, "check": true])
            #expect(made.status == 200, "\(made.body)")
            for (name, isZip) in [("in.zip", true), ("in/file", false)] {
                let file = try await rocklet.client.send(HTTPClientRequest("GET", "/files?path=\(folder)/\(name)"))
                var body: [UInt8] = []
                for (field, value) in [
                    ("target_path", Array("\(folder)/out".utf8)), ("unzip", [0x31]), ("file", file.body),
                ] {
                    let more = field == "file" ? "; filename=\"a.zip\"" : ""
                    body += Array("--b\r\nContent-Disposition: form-data; name=\"\(field)\"\(more)\r\n\r\n".utf8)
                    body += value + [0x0D, 0x0A]
                }
                body += Array("--b--\r\n".utf8)
                let response = try await rocklet.client.send(
                    HTTPClientRequest(
                        "POST", "/upload", headers: [HTTPField("Content-Type", "multipart/form-data; boundary=b")],
                        body: body))
                let text = String(decoding: response.body, as: UTF8.self)
                #expect(isZip ? response.status == .ok : text.contains("zipfile.BadZipFile"), "\(text)")
            }
            let out = try await rocklet.post("/read_file", ["path": .string("\(folder)/out/in/file")])
            #expect(out["content"] == "zipped\n")
        }
    }

    @Test func handsOverDescriptors() async throws {
        try await RunningRocklet.run { rocklet in
            let (folder, path) = (rocklet.folder, rocklet.folder + "/file")
            _ = try await rocklet.post("/write_file", ["path": .string(path), "content": "text"])
            let answers = try await testLoop.hop {
                let socket = try PacketSocket.connect(to: .unix(path: folder + "/descriptors.sock"), on: testLoop)
                defer { socket.close() }
                var answers: [String] = []
                for request in [
                    #"{"open":{"path":"\#(path)","flags":"read"}}"#, #"{"open":{"path":"\#(folder)"}}"#, "garbage",
                    "{}",
                    #"{"commit":{}}"#, #"{"connect":{"port":0}}"#, #"{"connect":{"port":1}}"#,
                ] {
                    try await socket.send(Array(request.utf8))
                    let packet = try #require(try await socket.receive(until: .now + .seconds(20)))
                    let json = try JSON(parsing: packet.bytes.span)
                    var bytes = [UInt8](repeating: 0, count: 9)
                    let count = packet.file.map { pread($0.rawValue, &bytes, bytes.count, 0) } ?? 0
                    let content = String(decoding: bytes[..<max(0, count)], as: UTF8.self)
                    answers.append((json["error"]?["class_path"]?.string ?? "opened") + " " + content)
                }
                return answers
            }
            let expected = [
                "opened text", "builtins.IsADirectoryError ", "builtins.ValueError ", "builtins.ValueError ",
                "builtins.ValueError ", "builtins.ValueError ", "builtins.OSError ",
            ]
            #expect(answers == expected)
        }
    }
}
