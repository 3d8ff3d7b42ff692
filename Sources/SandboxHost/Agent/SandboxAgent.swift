package import GEM
import Glibc
import Synchronization
package import Transport

// The host's side of the rocklet in one sandbox.
//
//   SandboxAgent.swift          calls over HTTP, and WebSockets
//   SandboxAgent+Files.swift    files of any size, by descriptor
//   SandboxAgent+Ports.swift    connections to what listens inside
//   SandboxAgent+Programs.swift a program inside that is spoken with directly
//   AgentReply.swift            what comes back
//   AgentSocket.swift           connecting to a socket that a sandbox may have put there

/// Talks to the rocklet of one sandbox. Callable from every thread; what it starts runs on the caller's event loop, or on
/// the agent's own where the caller has none.
///
/// Whatever comes from inside is taken for hostile: sizes and times are limited, descriptors are checked, and no failure of
/// a sandbox is more than a ``Failure`` here.
package final class SandboxAgent: Sendable {
    /// The longest answer that ``call(_:_:body:timeout:limit:)`` takes unless told otherwise, in bytes.
    package static let replyLimit = 64 << 20

    package let sandbox: SandboxID
    let address: AgentAddress
    private let home: EventLoop
    /// One client for each loop that has called: a call never changes threads.
    private let clients = Mutex<[ObjectIdentifier: HTTPClient]>([:])

    /// - Parameters:
    ///   - address: Where the rocklet listens.
    ///   - sandbox: Whose it is, for error messages.
    ///   - loop: Carries the calls of those who run on no loop. Must outlive the agent.
    package init(_ address: AgentAddress, of sandbox: SandboxID, on loop: EventLoop) {
        self.address = address
        self.sandbox = sandbox
        home = loop
    }

    /// The loop that carries what the caller starts.
    var loop: EventLoop { EventLoop.current ?? home }

    // MARK: Calls

    /// Calls the rocklet and waits for the whole answer.
    ///
    /// - Parameters:
    ///   - method: Of HTTP.
    ///   - path: Path and query, percent-encoded, such as `/execute`.
    ///   - body: JSON.
    ///   - timeout: How long the call may take in all; `nil` waits for as long as the sandbox lives.
    ///   - limit: Bytes of the answer that the caller can use.
    /// - Returns: The answer, whatever its status; see ``AgentReply/result()``.
    /// - Throws: ``Failure``: `timeout`; `infraFailed` where the rocklet cannot be reached, breaks off or does not speak
    ///   HTTP; `tooLarge` where it says more than `limit`; `overloaded` where too many wait to be heard.
    package func call(
        _ method: String, _ path: String, body: [UInt8] = [], timeout: Duration? = nil,
        limit: Int = SandboxAgent.replyLimit
    ) async throws(Failure) -> AgentReply {
        var request = HTTPClientRequest(method, path, body: body)
        if !body.isEmpty { request.headers = [HTTPField("Content-Type", "application/json")] }
        request.deadline = Self.deadline(timeout)
        do {
            let response = try await client.send(request, limit: limit)
            return AgentReply(status: Int(response.status.rawValue), body: response.body)
        } catch {
            throw failure(error, "\(method) \(path)", timeout)
        }
    }

    /// Calls the rocklet and lets `consume` read the answer as it comes, on the loop that carries it.
    ///
    /// - Parameters:
    ///   - request: What to send; its deadline counts for the answer's body, too.
    ///   - consume: Gets the status, the header lines and the body.
    /// - Returns: What `consume` returns.
    /// - Throws: ``Failure`` as ``call(_:_:body:timeout:limit:)``; what `consume` throws of its own is passed on as it is.
    package func stream<Value: Sendable>(
        _ request: HTTPClientRequest,
        _ consume: @escaping @Sendable (HTTPStatus, HTTPHeaders, HTTPClientBody) async throws -> Value
    ) async throws -> Value {
        do {
            return try await client.exchange(request, consume)
        } catch let error where error is ConnectionError || error is HTTPError || error is SystemCallError {
            throw failure(error, "\(request.method) \(request.target)", nil)
        }
    }

    /// Opens a WebSocket to the rocklet, such as `/exec` or `/sessions/main/attach?rows=24&cols=80`.
    ///
    /// - Parameters:
    ///   - path: Path and query, percent-encoded.
    ///   - configuration: Limits.
    /// - Returns: The open socket, on the caller's loop.
    /// - Throws: ``Failure``: as a call; `notFound` where the rocklet knows no such thing, `invalidArgument` where it does
    ///   not agree for another reason.
    package func webSocket(
        _ path: String, configuration: WebSocketConfiguration = WebSocketConfiguration()
    ) async throws(Failure) -> WebSocket {
        do {
            return try await WebSocket.connect(
                host: "sandbox", target: path, on: loop, configuration: configuration
            ) { [address] loop in try await AgentSocket.connect(address.http, on: loop) }
        } catch let error as HTTPError where 400..<500 ~= error.status.rawValue {
            throw Failure(
                error.status == .notFound ? .notFound : .invalidArgument,
                "Sandbox \(sandbox) does not open a WebSocket at \(path): \(error.message)")
        } catch {
            throw failure(error, "WebSocket \(path)", nil)
        }
    }

    private var client: HTTPClient {
        let (loop, address) = (loop, address)
        return clients.withLock { clients in
            if let client = clients[ObjectIdentifier(loop)] { return client }
            var configuration = HTTPClientConfiguration()
            configuration.maximumIdleConnections = 2
            configuration.idleTimeout = .seconds(7 * 24 * 3600)
            let client = HTTPClient(host: "sandbox", on: loop, configuration: configuration) { loop in
                try await AgentSocket.connect(address.http, on: loop)
            }
            clients[ObjectIdentifier(loop)] = client
            return client
        }
    }

    // MARK: Failures

    static func deadline(_ timeout: Duration?) -> ContinuousClock.Instant? { timeout.map { .now + $0 } }

    /// What an error of the connection means to who called.
    func failure(_ error: any Error, _ what: String, _ timeout: Duration?) -> Failure {
        switch error {
        case let failure as Failure:
            failure
        case ConnectionError.timedOut:
            Failure(
                .timeout,
                "Sandbox \(sandbox) has not answered \(what)\(timeout.map { " within \($0)" } ?? " for too long"). "
                    + "What it was asked may still be going on inside.")
        case ConnectionError.closed:
            Failure(
                .infraFailed,
                "Sandbox \(sandbox) broke off while it was asked \(what). If it has ended, its status says why.")
        case ConnectionError.failed(let reason), let reason as SystemCallError:
            unreachable(reason, what)
        case let error as HTTPError where error.status == 413:
            Failure(.tooLarge, "Sandbox \(sandbox) answered \(what) with more than can be taken: \(error.message)")
        case let error as HTTPError:
            Failure(.infraFailed, "Sandbox \(sandbox) does not answer \(what) as a rocklet does: \(error.message)")
        case is CancellationError:
            Failure(.timeout, "The call of \(what) in sandbox \(sandbox) was given up by its caller.")
        default:
            Failure(.infraFailed, "Sandbox \(sandbox) cannot be asked \(what): \(error)")
        }
    }

    private func unreachable(_ reason: SystemCallError, _ what: String) -> Failure {
        switch reason.errno {
        case EAGAIN:
            Failure(
                .overloaded, "Too many calls wait for the rocklet of sandbox \(sandbox) already. Try again in a moment."
            )
        case ENOENT, ECONNREFUSED, ECONNRESET, EPIPE:
            Failure(
                .infraFailed,
                "Nothing answers in sandbox \(sandbox) when it is asked \(what): it has ended, or does so now. "
                    + "Its status says why.")
        default:
            Failure(.infraFailed, "Sandbox \(sandbox) cannot be asked \(what): \(reason)")
        }
    }
}
