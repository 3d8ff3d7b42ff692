import CLinux
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
        let place = try HTTPPlace(url)
        var configuration = HTTPClientConfiguration()
        configuration.maximumIdleConnections = connections
        let address = try await place.address()
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

/// The parts of an `http` URL.
struct HTTPPlace {
    let host: String
    let port: UInt16
    /// What the `Host` header says.
    let authority: String
    /// Without a slash at its end; empty for the root.
    let path: String

    /// - Throws: ``CommandError`` that says what the URL should look like.
    init(_ url: String) throws {
        let error = CommandError(
            .usage, "'\(printable(url))' is not the URL of a server", hint: "write it as http://127.0.0.1:8080")
        if url.lowercased().hasPrefix("https://") {
            throw CommandError(
                .usage, "https is not spoken: \(printable(url))",
                hint: "reach the server through a tunnel or a proxy that ends TLS, and give its http:// address")
        }
        guard url.lowercased().hasPrefix("http://"), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw error
        }
        let rest = url.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" }
        var path = rest.dropFirst(authority.count)
        while path.last == "/" { path = path.dropLast() }
        guard !authority.contains("@"), !path.contains("?"), !path.contains("#") else { throw error }
        self.authority = String(authority)
        self.path = String(path)

        let hostEnd =
            authority.lastIndex(of: "]").map(authority.index(after:))
            ?? authority.firstIndex(of: ":") ?? authority.endIndex
        host = String(authority[..<hostEnd])
        let port = authority[hostEnd...]
        guard !host.isEmpty, port.isEmpty || port.first == ":" else { throw error }
        guard let number = port.isEmpty ? 80 : UInt16(port.dropFirst()), number > 0 else { throw error }
        self.port = number
    }

    /// Where to connect; a name is looked up.
    func address() async throws -> SocketAddress {
        if let address = SocketAddress(host: host, port: port) { return address }
        let host = host
        let figures = try await BlockingPool.run { Self.lookUp(host) }
        guard let figures, let address = SocketAddress(host: figures, port: port) else {
            throw CommandError(.unreachable, "no address is known for the host '\(host)'")
        }
        return address
    }

    /// The first address of `host` in figures. Blocks.
    private static func lookUp(_ host: String) -> String? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0, let first = list else { return nil }
        defer { freeaddrinfo(list) }
        var text = [CChar](repeating: 0, count: 64)
        guard getnameinfo(first.pointee.ai_addr, first.pointee.ai_addrlen, &text, 64, nil, 0, NI_NUMERICHOST) == 0
        else {
            return nil
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
