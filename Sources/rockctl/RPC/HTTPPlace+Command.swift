import HostNames
import Transport

extension HTTPPlace {
    /// The place that `url` on a command line names.
    ///
    /// - Throws: ``CommandError`` that says what the URL should look like.
    static func named(_ url: String) throws -> HTTPPlace {
        do throws(Fault) {
            return try HTTPPlace(url)
        } catch .secure {
            throw CommandError(
                .usage, "https is not spoken: \(printable(url))",
                hint: "reach the server through a tunnel or a proxy that ends TLS, and give its http:// address")
        } catch {
            throw CommandError(
                .usage, "'\(printable(url))' is not the URL of a server", hint: "write it as http://127.0.0.1:8080")
        }
    }

    /// Where to connect.
    ///
    /// - Throws: ``CommandError`` where nobody knows the host.
    func knownAddress() async throws -> SocketAddress {
        if let address = SocketAddress(host: host, port: port) { return address }
        let found = try await BlockingPool.run { try? self.address() }
        guard let found else {
            throw CommandError(.unreachable, "no address is known for the host '\(host)'")
        }
        return found
    }
}
