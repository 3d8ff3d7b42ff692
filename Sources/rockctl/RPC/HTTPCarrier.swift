import GEM
import Glibc
import Transport

/// A server somewhere else, reached over HTTP with connections that stay open.
struct HTTPCarrier: RPCCarrier {
    private let client: HTTPClient
    private let target: String
    private let url: String
    private let loop: EventLoop

    /// - Parameters:
    ///   - url: The server's address, such as `http://127.0.0.1:8080`; a path in it goes in front of `/rpc`.
    ///   - connections: How many are kept open.
    /// - Throws: ``CommandError`` for a URL that is none, or a host without an address.
    init(url: String, connections: Int) async throws {
        let place = try HTTPPlace.named(url)
        var configuration = HTTPClientConfiguration()
        configuration.maximumIdleConnections = connections
        let address = try await place.knownAddress()
        loop = try EventLoop(name: "client")
        client = HTTPClient(address, host: place.authority, on: loop, configuration: configuration)
        target = place.path + "/rpc"
        self.url = url
    }

    func exchange(_ message: [UInt8]) async throws -> [UInt8] {
        let response: HTTPClientResponse
        do {
            response = try await client.send(
                HTTPClientRequest(
                    "POST", target, headers: [HTTPField("Content-Type", "application/json")], body: message))
        } catch let error as ConnectionError {
            throw Self.unreachable(url, error)
        } catch let error as HTTPError {
            throw CommandError(.failure, "\(url) does not speak HTTP as a Rock server does: \(error)")
        }
        guard response.status.rawValue / 100 == 2 else {
            throw CommandError(
                .failure, "\(url)\(target) answers \(response.status.rawValue)",
                hint: "check that the URL is that of a Rock server, without a path of its own")
        }
        return response.body
    }

    func close() async {
        // The client gives its connections back on the loop, which ends with the process.
    }

    static func unreachable(_ url: String, _ error: ConnectionError) -> CommandError {
        let reason =
            switch error {
            case .closed: "it broke off the connection"
            case .timedOut: "it did not answer in time"
            case .failed(let failure): String(cString: strerror(failure.errno))
            }
        return CommandError(
            .unreachable, "no server answers at \(url): \(reason)",
            hint: "start one with 'rockctl admin start', or leave --url and $ROCK_BASE_URL out to embed one")
    }
}
