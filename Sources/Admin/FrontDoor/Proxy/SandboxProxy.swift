import GEM
import Registry
import SandboxHost
import Transport

/// Passes requests and WebSockets on to programs that listen inside sandboxes.
enum SandboxProxy {
    /// How long a program inside may take to begin its answer.
    private static let patience = Duration.seconds(120)
    /// The same while a body of unknown or great length goes in, which may take long.
    private static let longPatience = Duration.seconds(3600)
    /// Bodies up to here are taken whole first: most are small, and one write is cheaper than two tasks.
    private static let wholeBodyLimit = 256 << 10

    /// Answers a request for a port inside.
    ///
    /// - Parameters:
    ///   - call: Names the sandbox.
    ///   - request: What to pass on.
    ///   - services: What finds the sandbox.
    ///   - fixedPort: The port; `nil` lets the request choose.
    ///   - base: The path in front of what is passed on.
    /// - Returns: What answers inside, or why nothing does.
    /// - Throws: ``Failure`` where the sandbox cannot be called or nothing listens there.
    static func answer(
        _ call: Call, _ request: HTTPRequest, _ services: Services, fixedPort: UInt16? = nil, base: String
    ) async throws(Failure) -> HTTPResponse {
        let isSocket = request.headers.list("upgrade", contains: "websocket")
        let target: ProxyTarget
        do throws(ProxyTarget.Refusal) {
            target = try ProxyTarget(request, tail: call.tail, base: base, fixedPort: fixedPort)
        } catch {
            return isSocket ? .closed(.policyViolation) : .problem(.badRequest, error.message)
        }
        let agent: SandboxAgent
        do throws(Failure) { agent = try await services.agent(for: call) } catch {
            if isSocket { return .closed(.internalError) }
            throw error
        }
        return isSocket
            ? await joinSockets(request, target, agent) : try await forward(request, target, agent)
    }

    private static func forward(
        _ request: HTTPRequest, _ target: ProxyTarget, _ agent: SandboxAgent
    ) async throws(Failure) -> HTTPResponse {
        guard let loop = EventLoop.current else { throw Failure(.internalError, "A request came on no event loop.") }
        var configuration = HTTPClientConfiguration()
        configuration.maximumIdleConnections = 0
        let isStreamed = request.body.announcedBytes.map { $0 > wholeBodyLimit } ?? true
        configuration.idleTimeout = isStreamed ? longPatience : patience
        let client = HTTPClient(
            host: "127.0.0.1:\(target.port)", on: loop, configuration: configuration
        ) { _ in try await agent.connect(port: target.port) }
        var fields = PassedHeaders.inward(request.headers.fields)
        fields.append(HTTPField("X-Forwarded-Prefix", target.prefix))
        var inner = HTTPClientRequest(request.method, target.target, headers: fields)
        if isStreamed {
            inner.upload = HTTPUpload(passingOn: request.body, "The request's body")
        } else {
            do { inner.body = try await request.body.collect(upTo: wholeBodyLimit) } catch {
                throw Failure(.invalidRequest, "The request's body did not arrive whole: \(error).")
            }
        }
        let order = inner
        do {
            let upstream = try await Upstream { consumer in try await client.exchange(order, consumer) }
            let outward = PassedHeaders.outward(upstream.headers.fields).map { field in
                field.name.lowercased() == "location"
                    ? HTTPField(field.name, target.outward(location: field.value)) : field
            }
            return upstream.response(outward)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(
                .infraFailed,
                "What listens on port \(target.port) in sandbox \(agent.sandbox) does not answer as a web server does: \(error)"
            )
        }
    }

    /// Opens the inner WebSocket first, so that the client hears of the protocol that was agreed on inside.
    private static func joinSockets(
        _ request: HTTPRequest, _ target: ProxyTarget, _ agent: SandboxAgent
    ) async -> HTTPResponse {
        guard let loop = EventLoop.current else { return .closed(.internalError) }
        var configuration = WebSocketConfiguration()
        configuration.subprotocols = request.headers.all(named: "Sec-WebSocket-Protocol")
            .flatMap { $0.split(separator: ",") }.map { String($0.drop { $0 == " " }.prefix { $0 != " " }) }
        let fields = PassedHeaders.inward(request.headers.fields)
        // Clients of ROCK 1.2 put `ws` in front of every path; later ones mean it.
        for candidate in [target, target.older].compactMap(\.self) {
            do {
                let inner = try await WebSocket.connect(
                    host: "127.0.0.1:\(candidate.port)", target: candidate.target, headers: fields, on: loop,
                    configuration: configuration
                ) { _ in try await agent.connect(port: candidate.port) }
                var agreed = WebSocketConfiguration()
                agreed.subprotocols = inner.subprotocol.map { [$0] } ?? []
                return .webSocket(agreed) { outer in await Relay.join(outer, inner) }
            } catch is HTTPError {
                continue
            } catch {
                break
            }
        }
        return .closed(.internalError)
    }

    /// Joins a WebSocket's binary messages to a TCP port inside.
    static func forwardPort(
        _ call: Call, _ services: Services
    ) async throws(Failure) -> HTTPResponse {
        guard let number = call.integer("port"), let port = UInt16(exactly: number), port >= 1024 else {
            return .closed(.policyViolation)
        }
        let agent: SandboxAgent
        do throws(Failure) { agent = try await services.agent(for: call) } catch { return .closed(.internalError) }
        return .webSocket { outer in
            let inner = try await agent.connect(port: port)
            await PortForward(outer: outer, inner: inner).run()
        }
    }
}

extension HTTPResponse {
    /// A WebSocket that is opened and closed with `code` at once: browsers are told no other reason.
    static func closed(_ code: WebSocketCloseCode) -> HTTPResponse {
        .webSocket { socket in socket.close(code) }
    }
}
