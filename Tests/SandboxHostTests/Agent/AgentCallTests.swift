import GEM
import Glibc
import Testing

@testable import SandboxHost
@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct AgentCallTests {
    @Test func callsAndKeepsItsConnection() async throws {
        let peers = Record<ObjectIdentifier>()
        try await withAgent(handler: { request in
            peers.add(ObjectIdentifier(request.connection))
            let body = try? await request.body.collect(upTo: 100)
            return .json(.ok, Array("[\"\(request.method) \(request.path)\",".utf8) + (body ?? []) + [0x5D])
        }) { fixture in
            for _ in 0..<3 {
                let reply = try await fixture.agent.call(
                    "POST", "/execute", body: Array("{}".utf8), timeout: .seconds(5))
                #expect(String(decoding: try reply.result(), as: UTF8.self) == #"["POST /execute",{}]"#)
            }
            #expect(Set(peers.elements).count == 1)
        }
    }

    @Test(arguments: [
        (
            511, #"{"rockletexception":{"message":"no x","class_path":"builtins.FileNotFoundError"}}"#,
            Failure.Kind.notFound
        ),
        (511, #"{"rockletexception":{"message":"no x","class_path":"a.NonZeroExitCodeError"}}"#, .commandFailed),
        (511, "no x", .invalidArgument), (404, #"{"detail":"no x"}"#, .methodNotFound),
        (422, #"{"detail":"no x"}"#, .invalidArgument), (504, #"{"detail":"no x"}"#, .timeout),
        (500, "no x", .infraFailed),
    ])
    func tellsWhatWentWrongInside(_ status: UInt16, _ body: String, _ kind: Failure.Kind) async throws {
        try await withAgent(handler: { _ in .json(HTTPStatus(rawValue: status), Array(body.utf8)) }) { fixture in
            let reply = try await fixture.agent.call("POST", "/execute")
            let failure = #expect(throws: Failure.self) { try reply.result() }
            #expect(failure?.kind == kind && failure?.message.contains("no x") == true)
        }
    }

    @Test func limitsTimeAndSize() async throws {
        try await withAgent(handler: { request in
            if request.path == "/large" { return .json(.ok, [UInt8](repeating: 0x20, count: 1000)) }
            return HTTPResponse(
                body: .stream { writer in
                    // Until the client has had enough.
                    while true {
                        try await writer.write([0x20])
                        try await Task.sleep(for: .milliseconds(2))
                    }
                })
        }) { fixture in
            let late = await #expect(throws: Failure.self) {
                try await fixture.agent.call("GET", "/drip", timeout: .milliseconds(50))
            }
            #expect(late?.kind == .timeout)
            let large = await #expect(throws: Failure.self) {
                try await fixture.agent.call("GET", "/large", limit: 999)
            }
            #expect(large?.kind == .tooLarge)
        }
    }

    @Test func followsNoLinkToASocket() async throws {
        try await withAgent { fixture in
            for name in ["agent.sock", "descriptors.sock"] {
                let path = fixture.folder + "/" + name
                #expect(rename(path, path + ".real") == 0 && symlink(path + ".real", path) == 0)
            }
            let call = await #expect(throws: Failure.self) { try await fixture.agent.call("GET", "/is_alive") }
            let open = await #expect(throws: Failure.self) { try await fixture.agent.download("/x") }
            #expect([call?.kind, open?.kind] == [.infraFailed, .infraFailed])
        }
    }

    @Test func connectsToPorts() async throws {
        try await withAgent { fixture in
            let group = try EventLoopGroup(count: 1)
            let server = HTTPServer(group: group) { _ in .text(.ok, "inside") }
            let port = try #require(try await server.start(on: .anyLoopbackPort).port)
            let socket = try await fixture.agent.connect(port: port)
            let answer = try await fixture.loop.hop {
                try await socket.sendAll(
                    Array("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8), patience: .seconds(5))
                var answer: [UInt8] = []
                while true {
                    if let count = try socket.receive(into: fixture.loop.scratch) {
                        if count == 0 { break }
                        answer += fixture.loop.scratch[..<count]
                    } else {
                        try await socket.waitUntilReadable()
                    }
                }
                socket.close()
                return String(decoding: answer, as: UTF8.self)
            }
            #expect(answer.hasSuffix("\r\n\r\ninside"))
            await server.shutDown(within: .seconds(1))
            group.shutDown()
            let failure = await #expect(throws: Failure.self) { try await fixture.agent.connect(port: port) }
            #expect(failure?.kind == .notFound, "\(String(describing: failure))")
        }
    }

    @Test func opensWebSockets() async throws {
        try await withAgent(handler: { request in
            guard request.path == "/exec" else { return .text(.notFound, "no") }
            return .webSocket { socket in
                for try await message in socket { try await socket.send(binary: message.bytes) }
            }
        }) { fixture in
            let socket = try await fixture.agent.webSocket("/exec")
            try await socket.send(text: "hello")
            var messages = socket.makeAsyncIterator()
            #expect(try await messages.next() == .binary(Array("hello".utf8)))
            let failure = await #expect(throws: Failure.self) { try await fixture.agent.webSocket("/nothing") }
            #expect(failure?.kind == .notFound)
        }
    }
}
