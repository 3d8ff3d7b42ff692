import GEM
import Synchronization
import Transport

/// A container engine that speaks the Docker Engine API on a Unix socket: Docker or Podman. Callable from every thread.
final class Engine: Sendable {
    /// The oldest version of the API that has what is needed; Docker 20.10 and Podman 4 have it.
    private static let oldestVersion = APIVersion(major: 1, minor: 41)

    let socket: EngineSocket
    let loop: EventLoop
    /// For calls that answer when they have done something.
    private let client: HTTPClient
    /// For calls that answer when something has happened.
    private let patientClient: HTTPClient
    private let version = Mutex<EngineVersion?>(nil)

    init(_ socket: EngineSocket, on loop: EventLoop) {
        self.socket = socket
        self.loop = loop
        let address = SocketAddress.unix(path: socket.path)
        client = HTTPClient(address, host: "docker", on: loop)
        var patient = HTTPClientConfiguration()
        patient.idleTimeout = .seconds(24 * 3600)
        patient.maximumIdleConnections = 0
        patientClient = HTTPClient(address, host: "docker", on: loop, configuration: patient)
    }

    /// Who it is. Asked once, until it cannot be reached.
    func identify() async throws(EngineError) -> EngineVersion {
        if let known = version.withLock({ $0 }) { return known }
        // Podman tells everything here, and takes half a second to answer GET /version.
        let greeting = try await response(EngineCall("GET", "/_ping"), prefix: "")
        let found: EngineVersion
        if let podman = EngineVersion(podman: greeting.headers) {
            found = podman
        } else {
            let call = EngineCall("GET", "/version")
            guard let docker = EngineVersion(try Self.parse(try await response(call, prefix: "").body, call)) else {
                throw EngineError(
                    kind: .garbage, message: "\(socket.path) does not answer \(call) as the Docker Engine API says.")
            }
            found = docker
        }
        guard found.newest >= Self.oldestVersion else {
            throw EngineError(
                kind: .refused(400),
                message: "\(found.name) \(found.version) speaks API \(found.newest); at least \(Self.oldestVersion) is "
                    + "needed. Install Docker 20.10 or Podman 4 or newer.")
        }
        version.withLock { $0 = found }
        return found
    }

    /// Makes a call and reads its answer as JSON.
    ///
    /// - Throws: ``EngineError``; ``EngineError/Kind/refused(_:)`` for a status of 400 and above.
    func json(_ call: EngineCall) async throws(EngineError) -> JSON {
        try Self.parse(try await response(call, prefix: try await prefix()).body, call)
    }

    /// Makes a call whose answer's body says nothing.
    ///
    /// - Returns: The HTTP status, below 400.
    @discardableResult
    func perform(_ call: EngineCall) async throws(EngineError) -> Int {
        Int(try await response(call, prefix: try await prefix()).status.rawValue)
    }

    /// Makes a call and returns its answer's bytes.
    func bytes(_ call: EngineCall) async throws(EngineError) -> [UInt8] {
        try await response(call, prefix: try await prefix()).body
    }

    /// Makes a call whose answer is a stream of JSON values, one a line, and hands each over as it comes.
    func lines(_ call: EngineCall, _ consume: @escaping @Sendable (JSON) throws -> Void) async throws(EngineError) {
        let prefix = try await prefix()
        let request = call.request(prefix)
        try await limited(call) { [client] in
            try await client.exchange(request) { status, _, chunks in
                var splitter = LineSplitter()
                if status.rawValue >= 400 {
                    var body: [UInt8] = []
                    for try await chunk in chunks where body.count < 1 << 20 { body += chunk }
                    throw Self.refusal(Int(status.rawValue), body)
                }
                for try await chunk in chunks {
                    for line in try splitter.append(chunk) { try consume(Self.parse(line, call)) }
                }
                if let rest = splitter.rest { try consume(Self.parse(rest, call)) }
            }
        }
    }

    // MARK: One exchange

    private func prefix() async throws(EngineError) -> String { "/v\(try await identify().spoken(Self.oldestVersion))" }

    private func response(_ call: EngineCall, prefix: String) async throws(EngineError) -> HTTPClientResponse {
        let client = call.isPatient ? patientClient : client
        let request = call.request(prefix)
        let response = try await limited(call) {
            do {
                return try await client.send(request, limit: EngineCall.longestAnswer)
            } catch ConnectionError.closed {
                // A kept connection that the engine has closed meanwhile. Every call names what it works on, so that doing
                // it twice is as good as once.
                return try await client.send(request, limit: EngineCall.longestAnswer)
            }
        }
        let status = Int(response.status.rawValue)
        guard status < 400 else { throw Self.refusal(status, response.body) }
        return response
    }

    /// Runs `body` for at most as long as `call` may take, and says what went wrong in the engine's terms.
    private func limited<Value: Sendable>(
        _ call: EngineCall, _ body: @escaping @Sendable () async throws -> Value
    ) async throws(EngineError) -> Value {
        do {
            return try await Deadline.run(within: call.limit, on: loop, body)
        } catch let error as EngineError {
            throw error
        } catch {
            throw describe(error, call)
        }
    }

    private func describe(_ error: any Error, _ call: EngineCall) -> EngineError {
        version.withLock { $0 = nil }  // whoever answers next may be another engine, or a newer one
        switch error {
        case let error as ConnectionError:
            switch error {
            case .failed(let reason) where reason.call == "connect":
                return EngineError(
                    kind: .unreachable,
                    message:
                        "The container engine at \(socket.path) cannot be reached (\(reason)). Start it, or let this "
                        + "user use its socket.")
            case .timedOut: return silence(call)
            case .failed, .closed:
                return EngineError(
                    kind: .brokeOff,
                    message: "The container engine at \(socket.path) broke off during \(call). Look at its log.")
            }
        case let error as HTTPError:
            return EngineError(
                kind: .garbage, message: "\(socket.path) does not answer \(call) in HTTP: \(error.message)")
        case is Deadline.Passed: return silence(call)
        case is CancellationError:
            return EngineError(kind: .brokeOff, message: "\(call) was given up.")
        default:
            return EngineError(kind: .unreachable, message: "\(socket.path): \(error)")
        }
    }

    private func silence(_ call: EngineCall) -> EngineError {
        EngineError(
            kind: .timedOut,
            message: "The container engine at \(socket.path) did not answer \(call) within \(call.limit).")
    }

    private static func refusal(_ status: Int, _ body: [UInt8]) -> EngineError {
        let json = try? JSON(parsing: body.span)  // what is no JSON is quoted as it is
        let words = json?["message"]?.string ?? String(decoding: body.prefix(2000), as: UTF8.self)
        let line = EngineText.line(words)
        return EngineError(kind: .refused(status), message: line.isEmpty ? "HTTP status \(status)" : line)
    }

    private static func parse(_ bytes: [UInt8], _ call: EngineCall) throws(EngineError) -> JSON {
        do {
            return try JSON(parsing: bytes.span)
        } catch {
            let beginning = EngineText.line(String(decoding: bytes.prefix(200), as: UTF8.self))
            throw EngineError(
                kind: .garbage,
                message:
                    "The container engine answered \(call) with something that is not JSON (\(error)): \(beginning)")
        }
    }
}
