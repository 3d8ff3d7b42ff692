import GEM
import Transport

/// What pages in a browser may ask of this server.
///
/// A page that somebody happens to visit must not reach a server on loopback, so only pages of listed origins are let in;
/// those get the headers that browsers want to see. `*` among the origins lists all.
struct CrossOrigin: Sendable {
    let allowedOrigins: [String]
    /// Host names that may stand in a `Host` header, besides addresses and `localhost`; `nil` does not look. A page can give
    /// a name of its own the address of this machine, and its requests are then no cross-origin ones.
    let allowedHosts: [String]?

    /// Answers a request of a page of `origin`.
    func answer(
        _ request: HTTPRequest, from origin: String, _ answer: () async -> HTTPResponse
    ) async -> HTTPResponse {
        guard allows(request.headers.all(named: "Origin")) else {
            return .problem(
                403,
                "Pages from \(origin.prefix(200)) may not call this server. List the origin under allowed_origins.",
                kind: .forbidden)
        }
        var response: HTTPResponse
        if request.isMethod("OPTIONS"), request.headers.contains("Access-Control-Request-Method") {
            response = HTTPResponse(
                204,
                headers: [
                    HTTPField("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
                    HTTPField(
                        "Access-Control-Allow-Headers", request.headers["Access-Control-Request-Headers"] ?? "*"),
                    HTTPField("Access-Control-Max-Age", "600"),
                ])
        } else {
            response = await answer()
            if case .webSocket = response.body { return response }
        }
        response.headers += [
            HTTPField("Access-Control-Allow-Origin", origin), HTTPField("Access-Control-Allow-Credentials", "true"),
            HTTPField("Access-Control-Expose-Headers", "eagleeye-traceid, Retry-After"), HTTPField("Vary", "Origin"),
        ]
        return response
    }

    private func allows(_ origins: [String]) -> Bool {
        allowedOrigins.contains("*") || origins.allSatisfy(allowedOrigins.contains)
    }

    /// The refusal of a request whose `Host` is a name that nobody has listed; `nil` where it is fine.
    func refusal(ofHost request: HTTPRequest) -> HTTPResponse? {
        guard let allowedHosts, let host = request.headers["Host"] else { return nil }
        if Self.isLoopback(host) { return nil }
        let name = Self.name(in: host)
        if name == "localhost" || name.hasSuffix(".localhost") || SocketAddress(host: name, port: 0) != nil
            || allowedHosts.contains(name)
        {
            return nil
        }
        return .problem(
            403, "This server is not called \(name.prefix(200)). List the name under allowed_hosts.", kind: .forbidden)
    }

    /// Whether `host` is what nearly every request to this machine has, with a port or none.
    private static func isLoopback(_ host: String) -> Bool {
        // Both have nine bytes.
        let name = host.utf8.prefix(9)
        return (host.utf8.dropFirst(9).first ?? 0x3A) == 0x3A
            && (name.elementsEqual("127.0.0.1".utf8) || name.elementsEqual("localhost".utf8))
    }

    /// The host without its port, in lower case.
    private static func name(in host: String) -> String {
        let bare: Substring
        if host.hasPrefix("[") {
            bare = host.prefix { $0 != "]" } + (host.contains("]") ? "]" : "")
        } else {
            bare = host.prefix { $0 != ":" }
        }
        return bare.lowercased()
    }
}
