import CLinux
import Glibc
import Testing

@testable import Transport

/// Python with the packages of `Tests/requirements.txt`.
private enum Python {
    static let here = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    static let packageRoot = here.dropLast(3).joined(separator: "/")

    static var interpreter: String {
        let venv = getenv("ROCK_TEST_VENV").map { String(cString: $0) } ?? ".build/test-venv"
        return (venv.hasPrefix("/") ? venv : packageRoot + "/" + venv) + "/bin/python3"
    }

    static func script(_ name: String) -> String { (here + [Substring(name)]).joined(separator: "/") }
}

/// A Python program that runs beside a test.
private struct Peer {
    let process: Int32
    /// Both ends of a socket that is the program's standard input and output.
    let output: StreamPair

    init(_ script: String, _ arguments: [String] = []) throws {
        try #require(
            access(Python.interpreter, X_OK) == 0,
            "\(Python.interpreter) is missing: Scripts/make-test-venv makes it, ROCK_TEST_VENV names another")
        output = try StreamPair()
        var vector = ([Python.interpreter, Python.script(script)] + arguments).map { strdup($0) } + [nil]
        defer { vector.forEach { free($0) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output.far, 0)
        posix_spawn_file_actions_adddup2(&actions, output.far, 1)
        posix_spawn_file_actions_adddup2(&actions, output.far, 2)
        // The program expects its standard streams to block.
        let flags = fcntl(output.far, F_GETFL)
        _ = fcntl(output.far, F_SETFL, flags & ~O_NONBLOCK)
        var child: pid_t = 0
        let error = posix_spawn(&child, Python.interpreter, &actions, nil, &vector, environ)
        guard error == 0 else { throw SystemCallError("posix_spawn", Python.interpreter, errno: error) }
        process = child
    }

    /// What the program has written so far.
    func text() -> String {
        var buffer = [UInt8](repeating: 0, count: 200_000)
        let count = rock_receive(output.near, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}

@Suite(.timeLimit(.minutes(3)))
struct WebSocketConformanceTests {
    @Test func theServerPassesEveryCase() async throws {
        let echo: @Sendable (HTTPRequest) async -> HTTPResponse = { _ in
            .webSocket { socket in
                for try await message in socket {
                    switch message {
                    case .text(let bytes): try await socket.send(text: bytes)
                    case .binary(let bytes): try await socket.send(binary: bytes)
                    }
                }
            }
        }
        try await withServer(loops: 2, handler: echo) { address, loop, _ in
            let peer = try Peer("websocket_cases.py", ["\(address.port ?? 0)"])
            let status = try await loop.exitStatus(ofChild: peer.process)
            let report = peer.text()
            #expect(status == .exited(0), "\(report)")
            // The closing line: so that a list of cases that shrinks by accident is noticed.
            let cases = report.split(separator: "\n").last?.split(separator: " ").first.flatMap { Int($0) }
            #expect(cases ?? 0 >= 323)
        }
    }

    @Test func theClientUnderstandsAnotherServer() async throws {
        try await withLoop { loop in
            let peer = try Peer("websocket_echo.py")
            let stream = try await LineConnection.adopt(OwnedDescriptor(dup(peer.output.near)), on: loop)
            let line = try #require(try await stream.lines.first { _ in true })
            let port = try #require(UInt16(String(decoding: line, as: UTF8.self)))

            let socket = try await WebSocket.connect(
                to: .ipv4(0x7F00_0001, port: port), target: "/", on: loop)
            var messages = socket.makeAsyncIterator()
            for length in [0, 1, 125, 126, 65_535, 65_536, 300_000] {
                let text = [UInt8](String(repeating: "é", count: length))
                try await socket.send(text: text)
                try await socket.send(binary: text)
                #expect(try await messages.next() == .text(text))
                #expect(try await messages.next() == .binary(text))
            }
            socket.close()
            #expect(try await messages.next() == nil)

            shutdown(peer.output.near, Int32(SHUT_RDWR))
            #expect(try await loop.exitStatus(ofChild: peer.process) == .exited(0))
        }
    }
}
