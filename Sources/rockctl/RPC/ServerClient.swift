import GEM
import Transport

/// A server's methods, files and WebSockets. Methods go as JSON-RPC, which answers with the bare result; what is too large or too
/// long for that goes to the paths of the REST interface.
struct ServerClient: Sendable {
    private let carrier: HTTPCarrier

    init(carrier: HTTPCarrier) { self.carrier = carrier }

    /// The root of what is about one sandbox.
    static func path(of sandbox: String, _ rest: String, _ query: [(name: String, value: String)] = []) -> String {
        "/apis/envs/sandbox/v1/sandboxes/\(escaped(sandbox))\(rest)" + self.query(query)
    }

    /// `?a=1&b=2`, or nothing.
    static func query(_ items: [(name: String, value: String)]) -> String {
        items.isEmpty ? "" : "?" + items.map { "\(escaped($0.name))=\(escaped($0.value))" }.joined(separator: "&")
    }

    var url: String { carrier.url }
    var loop: EventLoop { carrier.loop }

    /// The server's methods, one message at a time.
    var methods: RPCClient { RPCClient(carrier: carrier) }

    /// Calls one method.
    ///
    /// - Returns: Its result.
    /// - Throws: ``CommandError`` for the server's refusal, or where no server answers.
    func call(_ method: String, _ params: JSON = [:]) async throws -> JSON {
        try await RPCClient(carrier: carrier).call(method, params)
    }

    /// Sends a request and collects its answer.
    ///
    /// - Throws: ``CommandError`` for any answer but success.
    func send(_ request: HTTPClientRequest) async throws -> [UInt8] {
        try await stream(request) { _, body in try await HTTPCarrier.collect(body) }
    }

    /// Sends a request and lets `consume` read its answer as it comes.
    ///
    /// - Throws: ``CommandError`` for any answer but success; what `consume` throws.
    func stream<Value: Sendable>(
        _ request: HTTPClientRequest, _ consume: @escaping @Sendable (HTTPHeaders, HTTPClientBody) async throws -> Value
    ) async throws -> Value {
        let carrier = carrier
        return try await carrier.send(request) { status, headers, body in
            guard status.rawValue / 100 == 2 else {
                throw carrier.refusal(status, try await HTTPCarrier.collect(body), request.target)
            }
            return try await consume(headers, body)
        }
    }

    /// Opens a WebSocket.
    ///
    /// - Throws: ``CommandError`` that says what the server says to the same path without one.
    func webSocket(_ target: String) async throws -> WebSocket {
        do {
            return try await carrier.webSocket(target)
        } catch let error as HTTPError {
            throw CommandError(
                error.status == 404 ? .notFound : error.status.rawValue == 401 ? .refused : .failure, error.message)
        }
    }

    /// `text` for a path or a query.
    static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: escaped.append(byte)
            default: escaped += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
