import GEM
import Glibc
import ModelService
import Transport

private let pid = Option("pid", .integer(1...Int(Int32.max), name: "PID"), summary: "The agent's process")
private let host = Option("host", .text("ADDRESS"), default: "127.0.0.1", summary: "Where the service listens")
private let port = Option("port", .integer(1...65535, name: "PORT"), default: 8080, summary: "Its port")
private let index = Option(
    "index", .integer(-1_000_000...1_000_000_000), summary: "The request that is answered; 0 asks for the first one")
private let response = Option("response", .text("JSON"), summary: "The answer to that request")
private let responseFile = Option(
    "response-file", .text("FILE", completion: .files),
    summary: "A file with the answer, which is removed when it has been read; - is standard input")
private let timeout = Option("timeout", .time, summary: "How long to wait; for ever by default")

extension Command {
    /// `rockctl model-service watch-agent`.
    static let modelServiceWatchAgent: Command = .init(
        "watch-agent", summary: "Have the service tell the training loop when the agent has ended",
        discussion: """
            The service of type local watches the process and ends the conversation with it: 'anti-call-llm' gives SESSION_END. A \
            service of type proxy has nobody to tell.
            """,
        options: [pid, host, port]
    ) { call in
        guard let pid = call[pid] else { throw UsageError(at: call.path, "--pid is missing") }
        guard let address = SocketAddress(host: call[host], port: UInt16(call[port])) else {
            throw UsageError(at: call.path, "--host: '\(call[host])' is not an address in figures")
        }
        let client = HTTPClient(address, on: try EventLoop(name: "client"))
        let body = JSON.object(["pid": .number(JSON.Number(pid))]).serialized
        let answer: HTTPClientResponse
        do {
            answer = try await client.send(
                HTTPClientRequest(
                    "POST", "/v1/agent/watch", headers: [HTTPField("Content-Type", "application/json")], body: body),
                limit: 1 << 20)
        } catch {
            throw CommandError(
                .unreachable, "no model service answers at \(address)",
                hint: "start one with 'rockctl model-service start'")
        }
        switch answer.status.rawValue {
        case 200: return .success
        case 404:
            call.console.report("the service at \(address) is of type proxy: nothing is watched\n")
            return .success
        default:
            throw CommandError(
                .failure,
                "the service refuses with \(answer.status.rawValue): \(String(decoding: answer.body.prefix(500), as: UTF8.self))"
            )
        }
    }

    /// `rockctl model-service anti-call-llm`.
    static let modelServiceAntiCall: Command = .init(
        "anti-call-llm", summary: "Answer an agent's request, and wait for the next one",
        discussion: """
            The step of a training loop: gives the answer to request --index, and writes the next request to standard output, or \
            SESSION_END when the agent has ended. Giving an answer again changes nothing.
            """,
        options: [index, response, responseFile, timeout, ModelServiceSettings.dataDirectory],
        examples: [
            .init("rockctl model-service anti-call-llm --index 0", "The first request."),
            .init(
                #"rockctl model-service anti-call-llm --index 1 --response '{"choices":[…]}'"#,
                "Its answer; then the second request."),
        ],
        catchesSignals: true
    ) { call in
        guard let index = call[index] else { throw UsageError(at: call.path, "--index is missing") }
        guard call[response] == nil || call[responseFile] == nil else {
            throw UsageError(at: call.path, "--response and --response-file exclude each other")
        }
        let answer = try call[response].map { Array($0.utf8) } ?? call[responseFile].map(contents)
        let path = try ModelServiceSettings.conversation(call)
        let limit = call[timeout]
        let loop = try EventLoop(name: "conversation")
        let request = try await Interrupted.watching {
            try await within(limit) { try await AntiCall(path, on: loop).next(after: index, response: answer) }
        }
        try call.console.write(bytes: request + [0x0A])
        return .success
    }

    /// What `body` returns, if it does so in time.
    private static func within(
        _ limit: Duration?, _ body: @escaping @Sendable () async throws -> [UInt8]
    ) async throws -> [UInt8] {
        guard let limit else { return try await body() }
        return try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: limit)
                throw CommandError(.timedOut, "no request came within \(limit)")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }

    private static func contents(of path: String) throws -> [UInt8] {
        guard path != "-" else {
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = read(STDIN_FILENO, &piece, piece.count), count > 0 {
                bytes += piece.prefix(count)
                guard bytes.count <= 64 << 20 else { throw CommandError(.failure, "the answer is larger than 64 MiB") }
            }
            return bytes
        }
        let bytes = try ServerSettings.contents(of: path, limit: 64 << 20)
        unlink(path)
        return bytes
    }
}
