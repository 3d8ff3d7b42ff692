import GEM
import Transport

/// Where inside a sandbox a proxied request goes: a port, and a path with its query.
struct ProxyTarget: Equatable, Sendable {
    let port: UInt16
    /// Path and query, percent-encoded.
    let target: String
    /// What stands in front of the paths of this port out here.
    let prefix: String

    /// The port of a sandbox's service, unless a request says otherwise.
    static let standardPort: UInt16 = 8080

    /// Why a request has no target.
    struct Refusal: Error, Equatable { let message: String }

    /// - Parameters:
    ///   - request: Its header and query may choose the port.
    ///   - tail: The path behind the proxy's own; `port/N/…` chooses the port.
    ///   - base: The proxy's own path.
    ///   - fixedPort: Where every request goes; `nil` lets the request choose.
    /// - Throws: ``Refusal`` for a port that is none, or chosen in two ways.
    init(_ request: HTTPRequest, tail: [UInt8], base: String, fixedPort: UInt16? = nil) throws(Refusal) {
        try self.init(
            tail: tail, query: request.rawQuery, header: request.headers["X-ROCK-Target-Port"], base: base,
            fixedPort: fixedPort)
    }

    init(
        tail: [UInt8], query: ArraySlice<UInt8>, header: String?, base: String, fixedPort: UInt16? = nil
    ) throws(Refusal) {
        var path = tail[...]
        var choices: [Substring] = []
        var prefix = base
        if fixedPort == nil {
            let parts = path.split(separator: 0x2F, maxSplits: 2, omittingEmptySubsequences: false)
            if parts.count >= 2, parts[0].elementsEqual("port".utf8) {
                choices.append(Substring(String(decoding: parts[1], as: UTF8.self)))
                prefix += "/port/" + String(decoding: parts[1], as: UTF8.self)
                path = parts.count == 3 ? parts[2] : []
            }
            if let header { choices.append(Substring(header)) }
        }
        var kept: [ArraySlice<UInt8>] = []
        for item in query.split(separator: 0x26) {
            let isChoice = item.starts(with: "rock_target_port=".utf8)
            if isChoice, fixedPort == nil {
                choices.append(Substring(String(decoding: item.dropFirst(17), as: UTF8.self)))
            } else {
                kept.append(item)
            }
        }
        guard choices.count <= 1 else {
            throw Refusal(message: "The target port is given more than once; choose path, header or query.")
        }
        if let choice = choices.first {
            guard let number = UInt16(choice), number > 0, choice.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
                throw Refusal(message: "The target port must be a number from 1 to 65535, not '\(choice.prefix(16))'.")
            }
            port = number
        } else {
            port = fixedPort ?? Self.standardPort
        }
        var target = [UInt8(ascii: "/")] + path
        if !kept.isEmpty { target += [0x3F] + kept.joined(separator: [0x26]) }
        self.target = String(decoding: target, as: UTF8.self)
        self.prefix = prefix
    }

    /// The same for a WebSocket of ROCK's older clients, whose paths begin with `ws`; `nil` where this one's does not.
    var older: ProxyTarget? {
        guard target == "/ws" || target.hasPrefix("/ws/") || target.hasPrefix("/ws?") else { return nil }
        let rest = target.dropFirst(3)
        return ProxyTarget(port: port, target: rest.hasPrefix("/") ? String(rest) : "/" + rest, prefix: prefix)
    }

    private init(port: UInt16, target: String, prefix: String) {
        (self.port, self.target, self.prefix) = (port, target, prefix)
    }

    /// `location` of an answer from inside, as it is reached out here.
    func outward(location: String) -> String {
        if location.hasPrefix("/"), !location.hasPrefix("//") { return prefix + location }
        for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
            for scheme in ["http", "https"] {
                let origins =
                    port == 80 ? ["\(scheme)://\(host):80", "\(scheme)://\(host)"] : ["\(scheme)://\(host):\(port)"]
                for origin in origins where location == origin || location.hasPrefix(origin + "/") {
                    let path = location.dropFirst(origin.count)
                    return prefix + (path.isEmpty ? "/" : path)
                }
            }
        }
        return location
    }
}
