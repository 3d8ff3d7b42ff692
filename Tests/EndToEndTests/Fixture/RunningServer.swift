import Foundation
import Glibc
import Testing

/// A real `rockctl admin start` on a free port, with a data directory of its own.
final class RunningServer: Sendable {
    let url: String
    let dataDirectory: String
    let rpcSocket: String
    let process: Int32

    private init(url: String, dataDirectory: String, rpcSocket: String, process: Int32) {
        (self.url, self.dataDirectory, self.rpcSocket, self.process) = (url, dataDirectory, rpcSocket, process)
    }

    /// Starts a server with a data directory of its own, hands it to `body`, and stops it whatever `body` does.
    ///
    /// - Parameters:
    ///   - configuration: YAML for `--config`.
    ///   - body: Uses the server.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or that the server did not start.
    static func run<T>(configuration: String = "", body: (RunningServer) async throws -> T) async throws -> T {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }  // Left-overs in /tmp are no failure of the test.
        return try await run(
            [Products.rockctl], directory: directory.path, configuration: configuration, body: body)
    }

    /// The same with `command`, the words that start `rockctl`, an existing data directory, and the signal that ends it.
    static func run<T>(
        _ command: [String], directory: String, configuration: String, endingBy signal: Int32 = SIGTERM,
        body: (RunningServer) async throws -> T
    ) async throws -> T {
        // The socket is where it is as a rule.
        let (file, socket) = (directory + "/rock.yml", directory + "/rpc.sock")
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: file))
        let program = try StartedProgram(
            command[0],
            Array(command.dropFirst()) + [
                "admin", "start", "--port", "0", "--data-dir", directory, "--config", file,
            ])
        async let errors = program.errors.readToEnd()
        guard let ready = await program.output.line(where: { $0.contains("http://") }),
            let url = ready.firstMatch(of: #/http://[0-9.:]+/#)?.output
        else {
            let status = try await program.end()
            throw DidNotStart(status: status, errors: await errors)
        }
        let server = RunningServer(
            url: String(url), dataDirectory: directory, rpcSocket: socket, process: program.process)
        let result: Result<T, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        kill(program.process, signal)
        let status = try await program.end()
        let said = await errors
        let expected = signal == SIGKILL ? 128 + SIGKILL : 0
        if case .success = result { #expect(status == expected, "the server's exit status after \(signal): \(said)") }
        return try result.get()
    }

    /// Calls a method over `POST /rpc` and returns the whole answer.
    func call(_ method: String, _ params: [String: Any] = [:]) async throws -> Answer {
        try await post("/rpc", ["jsonrpc": "2.0", "id": 1, "method": method, "params": params])
    }

    /// Posts `body` as JSON.
    func post(_ path: String, _ body: Any) async throws -> Answer {
        let data = try JSONSerialization.data(withJSONObject: body)
        return try await curl(["--data-binary", "@-", "-H", "Content-Type: application/json"], path, input: data)
    }

    /// Runs curl with `arguments` on `path`.
    func curl(_ arguments: [String], _ path: String, input: Data = Data()) async throws -> Answer {
        let finished = try await EndToEndTests.run(
            "/usr/bin/curl",
            ["--silent", "--show-error", "--max-time", "60", "-w", "\n%{http_code}"] + arguments + [url + path],
            input: String(decoding: input, as: UTF8.self))
        let end = try #require(finished.output.lastIndex(of: "\n"), "curl said: \(finished.errors)")
        let body = String(finished.output[..<end])
        return Answer(
            status: Int(finished.output[finished.output.index(after: end)...]) ?? 0, body: body,
            json: try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
    }
}

/// A server ended before it was ready.
struct DidNotStart: Error {
    let status: Int32
    let errors: String
}

/// An HTTP answer.
struct Answer {
    let status: Int
    let body: String
    let json: [String: Any]?

    /// `result` of a JSON-RPC answer.
    var result: [String: Any]? { json?["result"] as? [String: Any] }
    /// `error.data.kind` of a JSON-RPC answer.
    var kind: String? { ((json?["error"] as? [String: Any])?["data"] as? [String: Any])?["kind"] as? String }
}
