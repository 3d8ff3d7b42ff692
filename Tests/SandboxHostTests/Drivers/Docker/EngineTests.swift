import GEM
import Glibc
import Testing
import Transport

@testable import SandboxHost

/// The client, against engines that misbehave.
@Suite(.timeLimit(.minutes(1)))
struct EngineTests {
    private static let goodVersion = #"{"Version":"4.3.1","ApiVersion":"1.41","MinAPIVersion":"1.24"}"#

    /// Answers `version` to `GET /version` and `answer` to everything else.
    private func withEngine<Result>(
        version: String = Self.goodVersion, _ answer: HTTPResponse, _ body: (Engine) async throws -> Result
    ) async throws -> Result {
        try await withFolder { folder in
            let server = HTTPServer(group: testLoops) { request in
                switch request.path {
                case "/_ping": .text(.ok, "OK")
                case "/version": .json(.ok, Array(version.utf8))
                default: answer
                }
            }
            let path = folder + "/engine.sock"
            try await server.start(on: .unix(path: path))
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(
                    try await body(Engine(EngineSocket(path: path, origin: "test"), on: testLoops.loops[0])))
            } catch {
                result = .failure(error)
            }
            await server.shutDown(within: .seconds(1))
            return try result.get()
        }
    }

    private func error(_ body: () async throws -> Void) async -> EngineError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? EngineError
        }
    }

    @Test(arguments: [
        ("", EngineError.Kind.garbage), ("<html>", .garbage), ("[]", .garbage), ("{}", .garbage),
        (#"{"Version":"1.13","ApiVersion":"1.25"}"#, .refused(400)), (#"{"Version":1,"ApiVersion":"1.41"}"#, .garbage),
        (#"{"Version":"9","ApiVersion":"x.y"}"#, .garbage),
    ])
    func knowsNoEngineByItsAnswer(_ version: String, _ kind: EngineError.Kind) async throws {
        try await withEngine(version: version, .json(.ok, Array("{}".utf8))) { engine in
            let error = await error { _ = try await engine.json(EngineCall("GET", "/info")) }
            #expect(error?.kind == kind)
        }
    }

    @Test(arguments: [
        ("1.41", "1.24", "1.41"), ("1.52", "1.44", "1.44"), ("1.43", "1.24", "1.41"), ("1.41", "", "1.41"),
    ])
    func speaksTheOldestVersionThatWillDo(_ newest: String, _ oldest: String, _ spoken: String) throws {
        let json: JSON = ["Version": "1", "ApiVersion": .string(newest), "MinAPIVersion": .string(oldest)]
        let version = try #require(EngineVersion(json))
        #expect("\(version.spoken(APIVersion(major: 1, minor: 41)))" == spoken)
    }

    @Test(arguments: [
        (HTTPResponse.json(.ok, Array("nonsense".utf8)), EngineError.Kind.garbage, "not JSON"),
        (.json(.ok, []), .garbage, "not JSON"),
        (.json(404, Array(#"{"message":"no such thing"}"#.utf8)), .refused(404), "no such thing"),
        (.json(500, Array("plain\u{1B}[31m words".utf8)), .refused(500), "plain [31m words"),
        (.json(500, []), .refused(500), "HTTP status 500"),
        (
            HTTPResponse(
                body: .stream { writer in
                    try await writer.write(Array("{".utf8))
                    throw ConnectionError.closed
                }), .brokeOff, "broke off"
        ),
    ])
    func saysWhatIsWrong(_ answer: HTTPResponse, _ kind: EngineError.Kind, _ words: String) async throws {
        try await withEngine(answer) { engine in
            let error = await error { _ = try await engine.json(EngineCall("GET", "/info")) }
            #expect(error?.kind == kind)
            #expect(error?.message.contains(words) == true)
        }
    }

    @Test func givesUpOnASilentEngine() async throws {
        let silence = HTTPResponse(
            body: .stream { writer in
                try await writer.write(Array(" ".utf8))
                try await testLoops.loops[0].sleep(until: .now + .seconds(600))
            })
        try await withEngine(silence) { engine in
            let error = await error { _ = try await engine.json(EngineCall("GET", "/info").within(.milliseconds(50))) }
            #expect(error?.kind == .timedOut)
        }
    }

    @Test func saysWhenNobodyListens() async throws {
        let engine = Engine(EngineSocket(path: "/nowhere/engine.sock", origin: "test"), on: testLoops.loops[0])
        let error = await error { _ = try await engine.json(EngineCall("GET", "/info")) }
        #expect(error?.kind == .unreachable)
        #expect(error?.message.contains("/nowhere/engine.sock") == true)
    }

    @Test(arguments: ["HTTP/9.9 what\r\n\r\n", "\u{0}\u{0}\u{0}", String(repeating: "x", count: 100_000), ""])
    func survivesWhatIsNotHTTP(_ text: String) async throws {
        try await withFolder { folder in
            let path = folder + "/engine.sock"
            let listener = try RawListener(path)
            async let served: Void = BlockingPool.run { listener.answer(text, times: 2) }
            let engine = Engine(EngineSocket(path: path, origin: "test"), on: testLoops.loops[0])
            let error = await error { _ = try await engine.json(EngineCall("GET", "/info")) }
            #expect(error != nil)
            listener.close()
            try await served
        }
    }

    @Test func readsAStreamLineByLine() async throws {
        let pieces = ["{\"status\":\"a\"}\r\n\n{\"sta", "tus\":\"b\"}\n", "{\"status\":\"c\"}"]
        let stream = HTTPResponse(
            body: .stream { writer in for piece in pieces { try await writer.write(Array(piece.utf8)) } })
        try await withEngine(stream) { engine in
            let seen = Record<String>()
            try await engine.lines(EngineCall("POST", "/images/create")) { seen.add($0["status"]?.string ?? "?") }
            #expect(seen.elements == ["a", "b", "c"])
        }
    }

    @Test(arguments: ["{\"status\":\"a\"}\n{", "\u{FF}\n"])
    func stopsAtAStreamsGarbage(_ text: String) async throws {
        try await withEngine(.json(.ok, Array(text.utf8))) { engine in
            let error = await error { try await engine.lines(EngineCall("POST", "/images/create")) { _ in } }
            #expect(error?.kind == .garbage)
        }
    }
}

/// Listens on a Unix socket and answers bytes, whatever it is asked.
private final class RawListener: Sendable {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0 && listen(descriptor, 8) == 0)
    }

    /// Answers connections until ``close()``, at most `times`.
    func answer(_ text: String, times: Int) {
        for _ in 0..<times {
            let peer = accept(descriptor, nil, nil)
            guard peer >= 0 else { return }
            var buffer = [UInt8](repeating: 0, count: 4096)
            _ = recv(peer, &buffer, buffer.count, 0)
            var text = text
            text.withUTF8 { _ = send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            Glibc.close(peer)
        }
    }

    /// Wakes whoever accepts.
    func close() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        Glibc.close(descriptor)
    }
}
