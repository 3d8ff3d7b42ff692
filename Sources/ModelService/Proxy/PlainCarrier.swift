import GEM
import HostNames
import Synchronization
import Transport

/// Carries requests over plain HTTP, on connections that are kept.
final class PlainCarrier: UpstreamCarrier {
    /// Clients that are kept: one for each server and loop.
    private static let clientLimit = 256

    private struct Key: Hashable {
        let authority: String
        let loop: ObjectIdentifier
    }

    private let clients = Mutex<[Key: HTTPClient]>([:])

    func open(_ request: UpstreamRequest) async throws -> UpstreamAnswer {
        let place: HTTPPlace
        let query = request.url.firstIndex(of: "?") ?? request.url.endIndex
        do throws(HTTPPlace.Fault) { place = try HTTPPlace(String(request.url[..<query])) } catch {
            throw UpstreamFailure.unreachable("'\(request.url)' is not an address of the form http://HOST:PORT/PATH.")
        }
        var sent = HTTPClientRequest(
            request.method, place.path + request.url[query...], headers: request.headers, body: request.body)
        if !request.isStreamed { sent.deadline = .now + request.timeout }
        do {
            let exchange = try await client(for: place, timeout: request.timeout).open(sent)
            return UpstreamAnswer(
                status: exchange.status, headers: exchange.headers.fields,
                next: {
                    var body = exchange.body
                    do { return try await body.next() } catch { throw Self.failure(error, place.authority) }
                }, close: { exchange.close() })
        } catch {
            throw Self.failure(error, place.authority)
        }
    }

    private func client(for place: HTTPPlace, timeout: Duration) async throws -> HTTPClient {
        guard let loop = EventLoop.current else { preconditionFailure("requests are answered on an event loop") }
        let key = Key(authority: place.authority, loop: ObjectIdentifier(loop))
        if let client = clients.withLock({ $0[key] }) { return client }
        var configuration = HTTPClientConfiguration()
        configuration.connectTimeout = min(timeout, .seconds(20))
        configuration.idleTimeout = timeout
        configuration.maximumIdleConnections = 64
        // Looked up for each connection: a name's address changes while a service lives.
        let limit = configuration.connectTimeout
        let client = HTTPClient(host: place.authority, on: loop, configuration: configuration) { loop in
            let address = try await BlockingPool.run { try place.address() }
            return try await StreamSocket.connect(to: address, on: loop, within: limit)
        }
        clients.withLock { clients in
            if clients.count >= Self.clientLimit { clients.removeAll() }
            clients[key] = client
        }
        return client
    }

    private static func failure(_ error: any Error, _ server: String) -> any Error {
        switch error {
        case is UpstreamFailure, is CancellationError: error
        case ConnectionError.timedOut: UpstreamFailure.timedOut("\(server) said nothing in time.")
        case ConnectionError.closed: UpstreamFailure.broken("\(server) broke the connection off.")
        case ConnectionError.failed(let reason) where reason.call == "connect":
            UpstreamFailure.unreachable("\(reason).")
        case ConnectionError.failed(let reason): UpstreamFailure.broken("\(reason).")
        case HTTPPlace.Fault.unknownHost: UpstreamFailure.unreachable("Nobody knows an address of \(server).")
        case let error as HTTPError: UpstreamFailure.broken("\(server) does not speak HTTP: \(error.message)")
        default: UpstreamFailure.unreachable("\(server): \(error).")
        }
    }
}
