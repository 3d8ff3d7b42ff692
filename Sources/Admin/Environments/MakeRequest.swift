import GEM
import SandboxHost

/// What `make` was asked for, as far as the server itself cares; the rest travels to the rocklet as it came.
struct MakeRequest: Sendable {
    /// When a sandbox ends by itself.
    enum Lease: String, CaseIterable, Sendable {
        /// When it is closed or stays unused too long.
        case idle
        /// Also when the client's connection closes.
        case connection
    }

    /// The environment to make.
    let environment: EnvironmentID
    /// Makes a repeat of this request harmless; at most 256 bytes.
    let requestID: String?
    let lease: Lease
    /// How long the sandbox may stay unused; `nil` for the server's default.
    let idleTimeout: Duration?
    /// How long one call may take; `nil` for the server's default.
    let callTimeout: Duration?
    /// Whether its episodes are recorded; `nil` for the server's default.
    let record: Bool?
    /// The params for the rocklet: a JSON object on one line.
    let params: [UInt8]
    /// What plays the environment where it is not built in, as it was registered when the request came.
    var external: EnvironmentManifest?

    /// Reads the params of a `make`.
    ///
    /// - Parameters:
    ///   - params: A valid JSON object on one line.
    ///   - registry: Knows which ids exist.
    ///   - info: What observations carry when the client does not say: `brief` or `full`.
    /// - Throws: ``Failure`` that names the member that is wrong.
    init(params: [UInt8], registry: EnvironmentRegistry, info: String) throws(Failure) {
        let members = try Members(params)
        guard let name = try members.text("env_id", most: 128) else {
            throw Failure(.invalidParams, "env_id is required: the id of an environment, such as game:Sokoban-v0-easy.")
        }
        environment = try registry.spec(name).id
        requestID = try members.text("request_id", most: 256)
        lease = try members.word("lease") ?? .idle
        idleTimeout = try members.seconds("idle_timeout", in: 0.001...31_536_000)
        callTimeout = try members.seconds("call_timeout", in: 0.001...86_400)
        record = try members.boolean("record")
        self.params = members.has("info") ? params : Self.adding(info: info, to: params)
    }

    private static func adding(info: String, to params: [UInt8]) -> [UInt8] {
        // The object has at least `env_id`, so a comma is right.
        Array("{\"info\":\"\(info)\",".utf8) + params.drop { $0 != UInt8(ascii: "{") }.dropFirst()
    }
}
