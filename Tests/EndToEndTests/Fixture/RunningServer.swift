import Foundation
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

    /// Starts a server, hands it to `body`, and stops it whatever `body` does.
    ///
    /// - Parameters:
    ///   - arguments: More options for `admin start`.
    ///   - configuration: YAML for `--config`.
    ///   - body: Uses the server.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or that the server did not start.
    static func run<T>(
        _ arguments: [String] = [], configuration: String = "", body: (RunningServer) async throws -> T
    ) async throws -> T {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }  // Left-overs in /tmp are no failure of the test.
        let file = directory.appendingPathComponent("rock.yml")
        try Data(configuration.utf8).write(to: file)
        let socket = directory.appendingPathComponent("rpc.sock").path

        let process = Process()
        process.executableURL = URL(fileURLWithPath: Products.rockctl)
        process.arguments =
            [
                "admin", "start", "--port", "0", "--data-dir", directory.path, "--rpc-socket", socket, "--config",
                file.path,
            ]
            + arguments
        let stdout = Pipe()
        process.standardOutput = stdout
        let ended = AsyncStream<Int32> { stream in
            process.terminationHandler = {
                stream.yield($0.terminationStatus)
                stream.finish()
            }
        }
        try process.run()
        let lines = AsyncStream<String> { stream in
            let handle = stdout.fileHandleForReading
            Thread.detachNewThread {
                var rest = Data()
                while let chunk = try? handle.read(upToCount: 4096), !chunk.isEmpty {
                    rest += chunk
                    while let end = rest.firstIndex(of: 0x0A) {
                        stream.yield(String(decoding: rest[..<end], as: UTF8.self))
                        rest = Data(rest[(end + 1)...])
                    }
                }
                stream.finish()
            }
        }
        var url: String?
        for await line in lines {
            if let found = line.firstMatch(of: #/http://[0-9.:]+/#) {
                url = String(found.output)
                break
            }
        }
        let server = RunningServer(
            url: try #require(url, "the server ended before it was ready"), dataDirectory: directory.path,
            rpcSocket: socket, process: process.processIdentifier)
        let result: Result<T, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        process.terminate()
        var status: Int32?
        for await value in ended { status = value }
        if case .success = result { #expect(status == 0, "the server's exit status after SIGTERM") }
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
