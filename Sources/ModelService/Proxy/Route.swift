import GEM
import Transport

/// Where requests go, and with which header lines.
struct Route: Sendable {
    /// The paths that are passed on, each with what follows the address of a model server.
    static let paths = [
        "/v1/chat/completions": "/chat/completions", "/v1/completions": "/completions", "/v1/embeddings": "/embeddings",
        "/v1/messages": "/messages", "/v1/messages/count_tokens": "/messages/count_tokens",
    ]

    private let configuration: ModelServiceConfiguration

    init(_ configuration: ModelServiceConfiguration) { self.configuration = configuration }

    /// The address of the model server for `model`, without a slash at its end.
    ///
    /// - Throws: ``Refusal`` where there is none.
    func base(for model: String?) throws(Refusal) -> String {
        if let base = configuration.proxyBaseURL { return Self.cut(base) }
        guard let model, !model.isEmpty else { throw Refusal(.badRequest, "Model name is required for routing.") }
        guard let base = configuration.proxyRules[model] ?? configuration.proxyRules["default"] else {
            throw Refusal(.badRequest, "Model '\(model.prefix(200))' is not configured and no 'default' rule found.")
        }
        return Self.cut(base)
    }

    /// The names that can be asked for, as far as they are known without asking anybody.
    var models: [String] { configuration.proxyRules.keys.filter { $0 != "default" }.sorted() }

    private static func cut(_ url: String) -> String {
        var url = url[...]
        while url.last == "/" { url = url.dropLast() }
        return String(url)
    }

    // MARK: Header lines

    /// Lines that are about one connection, or that each side writes itself.
    private static let withheld: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection",
        "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade", "expect",
    ]

    /// A client's lines as the model server gets them.
    func headers(of request: HTTPRequest, path: String) -> [HTTPField] {
        var left = Self.withheld
        // Answers are written down, so they must come as they are.
        left.insert("accept-encoding")
        left.formUnion(Self.named(request.headers.all(named: "connection")))
        if configuration.apiKey != nil { left.formUnion(["authorization", "x-api-key", "api-key", "cookie"]) }
        var fields = request.headers.fields.filter { !left.contains($0.name.lowercased()) }
        fields.append(HTTPField("Accept-Encoding", "identity"))
        if let key = configuration.apiKey {
            fields.append(
                path.hasPrefix("/v1/messages")
                    ? HTTPField("x-api-key", key) : HTTPField("Authorization", "Bearer \(key)"))
        }
        return fields
    }

    /// A model server's lines as the client gets them. Cookies are between the server and whose key it is.
    static func answerHeaders(_ fields: [HTTPField]) -> [HTTPField] {
        let left = withheld.union(["set-cookie", "date"])
            .union(named(fields.filter { $0.name.lowercased() == "connection" }.map(\.value)))
        return fields.filter { !left.contains($0.name.lowercased()) }
    }

    /// What `Connection` lines name: lines that go no further.
    private static func named(_ values: [String]) -> [String] {
        values.flatMap { $0.split(separator: ",") }.map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
    }
}
