import GEM
import Synchronization
import Transport

/// `/env/…`: the environments that come with Rock, played inside this process.
final class EnvironmentRoutes: Service {
    /// How many can be made at a time.
    private static let limit = 1024

    private let registry: EnvironmentRegistry
    private let specs: [EnvironmentSpec]
    /// By the caller's `sandbox_id`; 1.2 callers may send none, which is one name too.
    private let made = Mutex<[String: Player]>([:])

    init(_ specs: [EnvironmentSpec]) throws {
        registry = try EnvironmentRegistry(specs)
        self.specs = specs
    }

    var routes: [Route] {
        [
            Route("POST", "/env/make") { [self] in try await make($0) },
            Route("POST", "/env/reset") { [self] in try await play("reset", $0) },
            Route("POST", "/env/step") { [self] in try await play("step", $0) },
            Route("POST", "/env/close") { [self] in try await close($0) },
            Route("POST", "/env/list") { [specs] _ in
                .json { json in
                    json.name("env_id")
                    json.beginArray()
                    for spec in specs { json.string("\(spec.id)") }
                    json.endArray()
                }
            },
        ]
    }

    private func make(_ call: Call) async throws -> HTTPResponse {
        var fields = try await call.fields()
        let environment = fields.text("env_id")
        let name = fields.text("sandbox_id", default: "")
        try fields.check()
        let player = Player(registry)
        _ = try player.call("make", ["env_id": .string(environment), "info": "full"])
        try made.withLock { made in
            guard made.count < Self.limit || made[name] != nil else {
                throw RockletException(
                    .runtime, "There are \(Self.limit) environments in this sandbox; close some first.")
            }
            made[name] = player
        }
        return Self.named(name)
    }

    private func play(_ method: String, _ call: Call) async throws -> HTTPResponse {
        var fields = try await call.fields()
        let name = fields.text("sandbox_id", default: "")
        var params: JSON.Object = [:]
        if method == "step" { params["action"] = .string(fields.text("action")) }
        if method == "reset", let seed = fields["seed"] { params["seed"] = seed }
        try fields.check()
        return .json(.ok, try player(name).call(method, params))
    }

    private func close(_ call: Call) async throws -> HTTPResponse {
        var fields = try await call.fields()
        let name = fields.text("sandbox_id", default: "")
        try fields.check()
        _ = try player(name)
        made.withLock { _ = $0.removeValue(forKey: name) }
        return Self.named(name)
    }

    private func player(_ name: String) throws -> Player {
        guard let player = made.withLock({ $0[name] }) else {
            throw RockletException(.key, PythonText.quoted(name))
        }
        return player
    }

    private static func named(_ name: String) -> HTTPResponse {
        .json { json in
            json.name("sandbox_id")
            json.string(name)
        }
    }
}

/// One environment, played through the service that jails use too.
private final class Player: Sendable {
    private let service: Mutex<Box>

    /// The service is no `Sendable` value; the lock around the box keeps it with one caller at a time.
    private struct Box: @unchecked Sendable {
        var service: EnvironmentService
    }

    init(_ registry: EnvironmentRegistry) {
        let service = EnvironmentService(registry: registry) {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        }
        self.service = Mutex(Box(service: service))
    }

    /// - Returns: The result, in JSON.
    /// - Throws: ``RockletException``: `ValueError` where the environment says no.
    func call(_ method: String, _ params: JSON.Object) throws -> [UInt8] {
        let request = JSON.object(["id": 1, "method": .string(method), "params": .object(params)]).serialized
        var answer: [UInt8] = []
        service.withLock { $0.service.answer(request.span, into: &answer) }
        switch try RPCAnswer.read(answer.span.extracting(..<max(0, answer.count - 1))) {
        case (_, .result(let range)): return Array(answer[range])
        case (_, .failure(let failure)): throw RockletException(.value, failure.message)
        }
    }
}
