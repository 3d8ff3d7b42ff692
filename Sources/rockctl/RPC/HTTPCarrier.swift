import GEM
import Glibc
import Transport

/// A server somewhere else, reached over HTTP with connections that stay open.
struct HTTPCarrier: RPCCarrier {
    private let client: HTTPClient
    private let place: HTTPPlace
    private let address: SocketAddress
    private let headers: [HTTPField]
    private let hint: String
    let url: String
    let loop: EventLoop

    /// What to do where an embedded server would do as well.
    private static let usualHint =
        "start one with 'rockctl admin start', or leave --url and $ROCK_BASE_URL out to embed one"

    /// - Parameters:
    ///   - url: The server's address, such as `http://127.0.0.1:8080`; a path in it goes in front of `/rpc`.
    ///   - connections: How many are kept open.
    ///   - headers: Go with every request.
    ///   - patience: How long the server may be silent.
    ///   - hint: What to do where no server answers.
    /// - Throws: ``CommandError`` for a URL that is none, or a host without an address.
    init(
        url: String, connections: Int, headers: [HTTPField] = [], patience: Duration = .seconds(300),
        hint: String = usualHint
    ) async throws {
        place = try HTTPPlace.named(url)
        var configuration = HTTPClientConfiguration()
        configuration.maximumIdleConnections = connections
        configuration.idleTimeout = patience
        address = try await place.knownAddress()
        loop = try EventLoop(name: "client")
        client = HTTPClient(address, host: place.authority, on: loop, configuration: configuration)
        (self.headers, self.url, self.hint) = (headers, url, hint)
    }

    func exchange(_ message: [UInt8]) async throws -> [UInt8] {
        let response = try await send(
            HTTPClientRequest(
                "POST", "/rpc", headers: [HTTPField("Content-Type", "application/json")], body: message)
        ) { status, _, body in
            (status, try await Self.collect(body))
        }
        guard response.0.rawValue / 100 == 2 else { throw refusal(response.0, response.1, "/rpc") }
        return response.1
    }

    /// Sends a request whose target is a path of the server's.
    ///
    /// - Parameters:
    ///   - request: What to send; the server's own path and the headers of every request are added.
    ///   - consume: Gets the status, the header lines and the body, on ``loop``.
    /// - Returns: What `consume` returns.
    /// - Throws: ``CommandError`` where no server answers; what `consume` throws.
    func send<Value: Sendable>(
        _ request: HTTPClientRequest,
        _ consume: @escaping @Sendable (HTTPStatus, HTTPHeaders, HTTPClientBody) async throws -> Value
    ) async throws -> Value {
        var request = request
        request.target = place.path + request.target
        request.headers += headers
        do {
            return try await client.exchange(request, consume)
        } catch let error as ConnectionError {
            throw unreachable(error)
        } catch let error as HTTPError {
            throw CommandError(.failure, "\(url) does not speak HTTP as a Rock server does: \(error)")
        }
    }

    /// Opens a WebSocket at `target`, a path of the server's.
    ///
    /// - Throws: ``CommandError`` where no server answers.
    func webSocket(_ target: String) async throws -> WebSocket {
        // A server that waits for a program to take input reads nothing meanwhile, and so answers no ping.
        var configuration = WebSocketConfiguration()
        configuration.pingInterval = nil
        configuration.writeTimeout = .seconds(86_400)
        do {
            return try await WebSocket.connect(
                to: address, host: place.authority, target: place.path + target, headers: headers, on: loop,
                configuration: configuration)
        } catch let error as ConnectionError {
            throw unreachable(error)
        }
    }

    /// The whole of a body that should be small.
    static func collect(_ body: HTTPClientBody) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await piece in body {
            guard bytes.count + piece.count <= 256 << 20 else {
                throw CommandError(.failure, "the server's answer is larger than 256 MiB")
            }
            bytes += piece
        }
        return bytes
    }

    /// What an answer other than success says.
    func refusal(_ status: HTTPStatus, _ body: [UInt8], _ target: String) -> CommandError {
        let json = try? JSON(parsing: body.span)  // what is no JSON says nothing we could read
        if let detail = json?["detail"]?.string {
            let kind = json?["kind"]?.string.flatMap(Failure.Kind.init(rawValue:))
            let code =
                kind.map(ExitCode.init) ?? (status == 401 || status == 403 || status == 429 ? .refused : .failure)
            let hint =
                status == 401 ? "name a key by --key-file or $ROCK_API_KEY; 'rockctl admin keys create' makes one" : nil
            return CommandError(code, detail, hint: hint)
        }
        if let complaint = json?["detail"]?[0], let message = complaint["msg"]?.string {
            let place = (complaint["loc"]?.array ?? []).dropFirst().compactMap(\.string).joined(separator: ".")
            return CommandError(.failure, "\(place): \(message)")
        }
        return CommandError(
            .failure, "\(url)\(target) answers \(status.rawValue)",
            hint: "check that the URL is that of a Rock server, without a path of its own")
    }

    func close() async {
        // The client gives its connections back on the loop, which ends with the process.
    }

    private func unreachable(_ error: ConnectionError) -> CommandError {
        let reason =
            switch error {
            case .closed: "it broke off the connection"
            case .timedOut: "it did not answer in time"
            case .failed(let failure): String(cString: strerror(failure.errno))
            }
        return CommandError(.unreachable, "no server answers at \(url): \(reason)", hint: hint)
    }
}
