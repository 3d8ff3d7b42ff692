import GEM
import Transport

/// One call of the Docker Engine API.
struct EngineCall: Sendable, CustomStringConvertible {
    /// The longest answer that is read; the longest known ones, lists of all containers, take about 2 KiB a container.
    static let longestAnswer = 64 << 20

    let method: String
    /// Below the version, with escaped segments.
    let path: String
    var query: [(String, String)] = []
    var headers: [HTTPField] = []
    var body: JSON?
    /// Bytes that are no JSON, in place of ``body``.
    var archive: [UInt8]?
    var limit = Duration.seconds(60)
    /// Whether the engine answers only when something has happened.
    var isPatient = false

    init(_ method: String, _ path: String, query: [(String, String)] = [], body: JSON? = nil) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }

    /// The same call with as long to answer as it takes for something to happen.
    func patient() -> EngineCall {
        var call = self
        call.isPatient = true
        call.limit = .seconds(24 * 3600)
        return call
    }

    /// The same call with another time to answer.
    func within(_ limit: Duration) -> EngineCall {
        var call = self
        call.limit = limit
        return call
    }

    /// The same call with a registry's credentials. An engine wants the header for a push even where there are none.
    func authorized(_ credentials: RegistryCredentials?, for image: ImageName) -> EngineCall {
        var call = self
        var object = JSON.Object()
        if let credentials {
            object["username"] = .string(credentials.username)
            object["password"] = .string(credentials.password)
            object["serveraddress"] = .string(image.registry)
        }
        // The URL's alphabet, padded.
        let text = Base64.encode(JSON.object(object).serialized).map { byte in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: byte
            }
        }
        call.headers.append(HTTPField("X-Registry-Auth", String(decoding: text, as: UTF8.self)))
        return call
    }

    var description: String { "\(method) \(path)" }

    func request(_ prefix: String) -> HTTPClientRequest {
        let query = query.map { "\($0)=\(EngineText.escaped($1))" }.joined(separator: "&")
        var headers = headers
        var bytes = archive ?? []
        if archive != nil { headers.append(HTTPField("Content-Type", "application/x-tar")) }
        if let body {
            bytes = body.serialized
            headers.append(HTTPField("Content-Type", "application/json"))
        }
        return HTTPClientRequest(
            method, prefix + path + (query.isEmpty ? "" : "?" + query), headers: headers, body: bytes)
    }
}
