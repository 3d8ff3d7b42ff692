extension HTTPProxy {
    /// Lines that are about one connection only (RFC 9110, section 7.6.1), and those that each side writes itself.
    private static let ownFields: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length", "expect", "host",
    ]

    /// The client's lines as the upstream gets them.
    static func fields(of request: HTTPRequest, _ options: Options, isUpgrade: Bool) -> [HTTPField] {
        let replaced = Set(options.headers.map { $0.name.lowercased() })
        let named = connectionTokens(request.headers)
        var fields = request.headers.fields.filter { field in
            let name = field.name.lowercased()
            return !ownFields.contains(name) && !named.contains(name) && !replaced.contains(name)
                && !options.withheld.contains(name)
        }
        fields += options.headers
        if isUpgrade {
            fields.append(HTTPField("Connection", "Upgrade"))
            fields += request.headers.fields.filter { $0.name.lowercased() == "upgrade" }
        } else {
            // The connection carries this request only.
            fields.append(HTTPField("Connection", "close"))
        }
        return fields
    }

    /// The upstream's lines as the client gets them.
    static func answerFields(_ headers: HTTPHeaders) -> [HTTPField] {
        let named = connectionTokens(headers)
        return headers.fields.filter { field in
            let name = field.name.lowercased()
            return (!ownFields.contains(name) || name == "proxy-authenticate") && !named.contains(name)
        }
    }

    /// The upstream's lines of an answer that changes the protocol.
    static func upgradeFields(_ headers: HTTPHeaders) -> [HTTPField] {
        headers.fields.filter { !["content-length", "transfer-encoding"].contains($0.name.lowercased()) }
    }

    /// What the `Connection` lines name: lines that go no further.
    private static func connectionTokens(_ headers: HTTPHeaders) -> Set<String> {
        Set(
            headers.all(named: "connection").flatMap { $0.split(separator: ",") }
                .map { String(decoding: trimmed(Array($0.utf8)[...]), as: UTF8.self).lowercased() })
    }
}
