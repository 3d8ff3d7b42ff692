import GEM
import Glibc
import Testing

@testable import RockletServices
@testable import Transport

/// The calls on files over HTTP, on a tree of their own.
@Suite(.timeLimit(.minutes(1))) struct FileRouteTests {
    /// Where the services are.
    private struct Routes {
        let server: SocketAddress
        let loop: EventLoop

        func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
            try await HTTPClient(server, on: loop).send(request)
        }
    }

    /// Serves the file services over `scratch` while `body` runs.
    private func withRoutes(_ body: (Routes, ScratchTree) async throws -> Void) async throws {
        let scratch = try ScratchTree()
        let group = try EventLoopGroup(count: 1)
        let clients = try EventLoop(name: "clients")
        let context = ServerContext(
            loop: group.loops[0], children: Children(on: group.loops[0]), log: ServerLog(),
            options: ServeOptions(http: .file("")), environment: .ofThisProcess())
        let router = Router([
            FileService(context, scratch.tree), ArchiveService(scratch.tree), PortService(context, scratch.tree),
        ])
        var configuration = HTTPServerConfiguration()
        configuration.maximumBodyBytes = 1 << 50
        let server = HTTPServer(configuration: configuration, group: group) { await router.answer($0) }
        let result: Result<Void, any Error>
        do {
            let address = try await server.start(on: .anyLoopbackPort)
            result = .success(try await body(Routes(server: address, loop: clients), scratch))
        } catch {
            result = .failure(error)
        }
        await server.shutDown(within: .seconds(1))
        clients.shutDown()
        group.shutDown()
        try result.get()
    }

    /// Method, target and body; status and a part of the answer.
    static let table: [(method: String, target: String, body: String, status: UInt16, part: String)] = [
        ("POST", "/write_file", #"{"path":"/d/f","content":"a\r\nü"}"#, 200, #"{"success":true,"message":""}"#),
        ("POST", "/read_file", #"{"path":"/d/f"}"#, 200, #"{"content":"a\nü"}"#),
        ("POST", "/read_file", #"{"path":"/d/f","encoding":"ascii"}"#, 511, "builtins.UnicodeDecodeError"),
        ("POST", "/read_file", #"{"path":"/d/f","encoding":"ascii","errors":"ignore"}"#, 200, #"{"content":"a\n"}"#),
        ("POST", "/read_file", #"{"path":"/d"}"#, 511, "builtins.IsADirectoryError"),
        ("POST", "/read_file", #"{"path":"/n"}"#, 511, "[Errno 2] No such file or directory: '/n'"),
        ("POST", "/read_file", #"{"path":7}"#, 422, "string_type"), ("POST", "/read_file", "", 422, "missing"),
        ("POST", "/write_file", #"{"path":"/d","content":""}"#, 511, "builtins.IsADirectoryError"),
        ("POST", "/write_file", #"{"path":"/d/f/x","content":""}"#, 511, "builtins.NotADirectoryError"),
        ("POST", "/files/mkdir", #"{"path":"/m/n","mode":"700"}"#, 200, "{}"),
        ("POST", "/files/mkdir", #"{"path":"/m/n","exist_ok":false}"#, 511, "builtins.FileExistsError"),
        ("POST", "/files/mkdir", #"{"path":"/q/r","parents":false}"#, 511, "builtins.FileNotFoundError"),
        ("POST", "/files/mkdir", #"{"path":"/q","mode":"9"}"#, 422, "octal"),
        ("GET", "/files/stat?path=/m/n", "", 200, #""type":"folder","size""#),
        ("GET", "/files/stat?path=/m/n", "", 200, #""mode":448"#),
        ("GET", "/files/stat", "", 422, "missing"), ("GET", "/files/stat?path=/n", "", 511, "FileNotFound"),
        ("GET", "/files/list?path=/", "", 200, #"{"entries":[{"name":"d","type":"folder""#),
        ("GET", "/files/list?path=/&limit=1", "", 200, #""has_more":true}"#),
        ("GET", "/files/list?path=/&after=d", "", 200, #"{"entries":[{"name":"m""#),
        ("GET", "/files/list?path=/d/f", "", 511, "NotADirectory"),
        ("GET", "/files/list?path=/&limit=0", "", 422, "10000"),
        ("GET", "/files?path=/d/f", "", 200, "a\r\nü"), ("GET", "/files?path=/../d/f", "", 200, "a\r\nü"),
        ("GET", "/files?path=/d", "", 511, "IsADirectory"), ("GET", "/archive?path=/none", "", 511, "FileNotFound"),
        ("PUT", "/files?path=/d/g&mode=4755&uid=1&gid=2", "new", 200, #"{"size":3}"#),
        ("GET", "/files/stat?path=/d/g", "", 200, #""size":3,"mode":2541,"uid":1,"gid":2"#),
        ("PUT", "/files?path=/d/g&mode=x", "", 422, "int_parsing"), ("PUT", "/files?path=/", "", 511, "IsADirectory"),
        ("DELETE", "/files?path=/d", "", 511, "[Errno 39]"), ("DELETE", "/files?path=/d&recursive=true", "", 200, "{}"),
        ("GET", "/files/list?path=/", "", 200, #"{"entries":[{"name":"m""#),
        ("PUT", "/archive?path=/x", "no tar", 400, "ends in the middle"),
        ("POST", "/upload", "{}", 415, "multipart/form-data"),
    ]

    @Test func answers() async throws {
        try await withRoutes { client, _ in
            for (method, target, body, status, part) in Self.table {
                let response = try await client.send(HTTPClientRequest(method, target, body: Array(body.utf8)))
                let text = String(decoding: response.body, as: UTF8.self)
                #expect(
                    response.status.rawValue == status && text.contains(part), "\(method) \(target) \(body): \(text)")
            }
        }
    }

    /// A form whose fields come in one order or the other.
    @Test(arguments: [
        (["target_path", "file"], "/new/place", "/new/place"), (["file", "target_path"], "/new/place", "/new/place"),
        (["target_path", "file"], "/folder", "/folder/name.txt"),
        (["file", "target_path"], "/folder/", "/folder/name.txt"),
        (["file", "target_path"], "/folder/old", "/folder/old"),
    ])
    func takesUploads(_ fields: [String], _ target: String, _ path: String) async throws {
        let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        try await withRoutes { client, scratch in
            scratch.make(folder: "/folder")
            scratch.make(folder: "/tmp")
            try scratch.make(file: "/folder/old", "old")
            var body: [UInt8] = []
            for field in fields {
                let file = field == "file" ? "; filename=\"dir/name.txt\"" : ""
                body += Array("--b\r\nContent-Disposition: form-data; name=\"\(field)\"\(file)\r\n\r\n".utf8)
                body += (field == "file" ? content : Array(target.utf8)) + [0x0D, 0x0A]
            }
            body += Array("--b--\r\n".utf8)
            let type = [HTTPField("Content-Type", "multipart/form-data; boundary=b")]
            let response = try await client.send(HTTPClientRequest("POST", "/upload", headers: type, body: body))
            let text = String(decoding: response.body, as: UTF8.self)
            #expect(text == #"{"success":true,"message":"","file_name":"dir/name.txt"}"#)
            let written = try scratch.tree.read(path)
            #expect(written == content)
            #expect(try scratch.tree.status(path, follows: false).mode == 0o644)
            #expect(!scratch.names.contains { $0.contains(".rock-") })
            // What breaks off leaves nothing.
            let broken = try await client.send(
                HTTPClientRequest("POST", "/upload", headers: type, body: Array(body.dropLast(100))))
            #expect(broken.status == .badRequest)
            #expect(!scratch.names.contains { $0.contains(".rock-") })
        }
    }

    @Test func carriesFoldersBothWays() async throws {
        try await withRoutes { client, scratch in
            scratch.make(folder: "/from")
            try scratch.make(file: "/from/file", String(repeating: "text", count: 500_000))
            scratch.make(link: "/from/link", to: "file")
            let archive = try await client.send(HTTPClientRequest("GET", "/archive?path=/from"))
            #expect(archive.headers["content-type"] == "application/x-tar")
            let answer = try await client.send(HTTPClientRequest("PUT", "/archive?path=/to/here", body: archive.body))
            #expect(String(decoding: answer.body, as: UTF8.self) == #"{"entries":3,"bytes":2000000}"#)
            #expect(scratch.names.contains("/to/here/from/link->file"))
            let copy = try scratch.tree.read("/to/here/from/file")
            #expect(copy.count == 2_000_000)
        }
    }

    @Test(arguments: ["", "?port=80", "?port=x", "?port=65536"])
    func forwardsToNoOtherPorts(_ query: String) async throws {
        try await withRoutes { client, _ in
            let socket = try await WebSocket.connect(
                to: client.server, target: "/portforward" + query, on: client.loop)
            var messages = socket.makeAsyncIterator()
            let goodbye = try await messages.next()
            #expect(goodbye == nil)
        }
    }

    @Test func forwardsToPorts() async throws {
        try await withRoutes { client, _ in
            let server = client.server
            let port = try #require(server.port)
            let socket = try await WebSocket.connect(to: server, target: "/portforward?port=\(port)", on: client.loop)
            try await socket.send(text: "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            var answer: [UInt8] = []
            for try await message in socket { answer += message.bytes }
            #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 404 Not Found\r\n"))
        }
    }
}
