import GEM
import Registry
import Transport

/// The lock on the door: who may come in, by API key.
///
/// Keys are needed as soon as the server listens beyond loopback. On loopback nobody needs one, but one that is shown
/// counts: it is checked, and the caller may do what it allows.
struct Access: Sendable {
    /// Where keys are kept; `nil` where there is no registry to ask.
    let keys: (any KeyCheck)?
    /// Whether a request without a key is refused.
    let isKeyRequired: Bool
    let failures: FailureLimit

    init(keys: (any KeyCheck)?, isKeyRequired: Bool, failures: FailureLimit = FailureLimit()) {
        self.keys = keys
        self.isKeyRequired = isKeyRequired
        self.failures = failures
    }

    /// Lets everyone in as ``Caller/anyone``, unless they show a key.
    static let open = Access(keys: nil, isKeyRequired: false)

    /// Why a request is not let in.
    struct Refusal: Error, Equatable {
        let failure: Failure
        /// Seconds until another try is worth it.
        var retryAfter: Int?
    }

    /// Who sent `request`.
    ///
    /// - Throws: ``Refusal``: no key where one is needed, one that is unknown or revoked, or too many of those before.
    func caller(of request: HTTPRequest) throws(Refusal) -> Caller {
        try caller(showing: Self.token(in: request.headers), from: request.peer)
    }

    /// Who shows `token` and comes from `address`.
    func caller(
        showing token: String?, from address: SocketAddress, at now: ContinuousClock.Instant = .now
    ) throws(Refusal) -> Caller {
        // On an open door, a token of somebody else's making means nothing.
        guard let token, isKeyRequired || token.hasPrefix("rock_") else {
            if !isKeyRequired { return .anyone }
            throw Refusal(
                failure: Failure(
                    .unauthorized,
                    "This server asks for an API key: send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."))
        }
        if let seconds = failures.wait(address, at: now) {
            throw Refusal(
                failure: Failure(.overloaded, "Too many wrong API keys from this address: try again later."),
                retryAfter: seconds)
        }
        if let key = keys?.key(of: token) { return Caller(key) }
        failures.fail(address, at: now)
        throw Refusal(
            failure: Failure(
                .unauthorized, "The API key is unknown or was revoked. 'rockctl admin keys list' shows those there are."
            ))
    }

    /// The key that a request shows: in `Authorization` or ROCK's own `XRL-Authorization` as a bearer's token, or by itself in
    /// `X-API-Key`. Other schemes are meant for somebody else.
    static func token(in headers: HTTPHeaders) -> String? {
        if let key = headers["X-API-Key"] { return key }
        if let token = headers["Authorization"].flatMap(bearer) { return token }
        return headers["XRL-Authorization"].flatMap(bearer)
    }

    private static func bearer(_ value: String) -> String? {
        let bytes = value.utf8
        guard bytes.count > 7, bytes.prefix(7).elementsEqual("bearer ".utf8, by: { $0 | 0x20 == $1 }) else {
            return nil
        }
        return String(value.dropFirst(7).drop { $0 == " " })
    }
}

/// What knows keys.
protocol KeyCheck: Sendable {
    /// The key that `token` is; `nil` where it is unknown or revoked.
    func key(of token: String) -> APIKey?
}

extension SandboxRegistry: KeyCheck {
    func key(of token: String) -> APIKey? { authenticate(token) }
}

/// When API keys are asked for.
package enum KeyRequirement: String, CaseIterable, Sendable {
    /// As soon as the server listens beyond loopback.
    case automatic
    /// Always.
    case always
    /// Never: everybody who reaches the server can do everything.
    case never

    /// Whether a server that listens on `host` asks for keys.
    func holds(for host: String) -> Bool {
        switch self {
        case .always: true
        case .never: false
        case .automatic: !Self.isLoopback(host)
        }
    }

    /// Whether only this machine reaches `host`.
    static func isLoopback(_ host: String) -> Bool {
        switch SocketAddress(host: host, port: 0) {
        case .ipv4(let address, _): address >> 24 == 127
        case .ipv6(0, 1, _, _): true
        case .ipv6(0, let low, _, _): low >> 24 == 0xFFFF_7F  // ::ffff:127.0.0.0/104
        case .ipv6, .unix, nil: false
        }
    }
}
