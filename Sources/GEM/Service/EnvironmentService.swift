/// What a sandbox answers: one environment, or many side by side, spoken to line by line.
///
///     → {"id":7,"method":"step","params":{"action":"\\boxed{up}"}}
///     ← {"id":7,"result":{"observation":"…","reward":0.0,"terminated":false,"truncated":false,"info":{}}}
///     ← {"id":7,"error":{"code":-32006,"message":"…","data":{"kind":"episode_ended"}}}
///
/// | method | parameters | result |
/// |---|---|---|
/// | `make` | `env_id`, `kwargs`, `num_envs`, `autoreset`, `info` (`"brief"` or `"full"`) | `spec` |
/// | `reset` | `seed` (one, or one each), `indices` | `observation`, `info` |
/// | `step` | `action`; for many `actions`, a list or an object by index | `observation`, `reward`, `terminated`, `truncated`, `info` |
/// | `render` | `mode` (`"text"` or `"ansi"`), `indices` | `text` |
/// | `sample_action` | `indices` | `action` |
/// | `save` | | `state`, base64 |
/// | `restore` | `state` | counters of the episodes |
/// | `status` | | counters of the episodes |
/// | `close` | | nothing |
///
/// Parameters are the client's own bytes: members that a method does not know are passed over. Where `num_envs` was given,
/// even as 1, every field of a result is a list. Nothing a line can hold stops the service or changes it half-way.
public struct EnvironmentService {
    /// What a client may ask for.
    public struct Limits: Sendable {
        /// The largest `num_envs`.
        public var environments = 4096
        /// The longest action in bytes, as it is written in JSON.
        public var actionBytes = 1 << 20

        public init() {}
    }

    private let registry: EnvironmentRegistry
    private let entropy: () -> UInt64
    private let limits: Limits
    private var made: MadeEnvironment?
    private var actions: ActionList
    private var answer = AnswerWriter()

    /// A service that has made nothing yet.
    ///
    /// - Parameters:
    ///   - registry: What can be made.
    ///   - limits: What a client may ask for.
    ///   - entropy: Where the generator of each new environment starts until a reset brings a seed.
    public init(registry: EnvironmentRegistry, limits: Limits = Limits(), entropy: @escaping () -> UInt64) {
        self.registry = registry
        self.limits = limits
        self.entropy = entropy
        actions = ActionList(byteLimit: limits.actionBytes)
    }

    /// Answers one request.
    ///
    /// - Parameters:
    ///   - line: The request, without a line feed behind it.
    ///   - output: Receives the answer behind what it holds: one line of JSON, ended by a line feed.
    public mutating func answer(_ line: Span<UInt8>, into output: inout [UInt8]) {
        let request: ServiceRequest
        do throws(JSONError) {
            request = try ServiceRequest(line)
        } catch {
            answer.begin(line, id: 0..<0, taking: &output)
            answer.replace(with: Failure(error), line, id: 0..<0)
            return answer.end(into: &output)
        }
        answer.begin(line, id: request.id, taking: &output)
        do throws(Failure) {
            try perform(request, line)
        } catch {
            answer.replace(with: error, line, id: request.id)
        }
        answer.end(into: &output)
        actions.trim()
    }

    private mutating func perform(_ request: ServiceRequest, _ line: Span<UInt8>) throws(Failure) {
        guard let method = request.method else {
            throw Failure(.invalidRequest, "The request names no method.")
        }
        if method.equals("step", in: line) {
            // In place through the optional: nothing is copied on the hot path.
            guard try made?.step(request.params, line, &actions, &answer) != nil else { throw notMade }
            return
        }
        let params = try ServiceParams(line, request.params)
        switch method.meaning(of: line) {
        case "make": try make(params)
        case "reset": guard try made?.reset(params, &answer) != nil else { throw notMade }
        case "render": guard try made?.render(params, &answer) != nil else { throw notMade }
        case "sample_action": guard try made?.sampleAction(params, &answer) != nil else { throw notMade }
        case "save": guard try made?.save(&answer) != nil else { throw notMade }
        case "restore": guard try made?.restore(params, &answer) != nil else { throw notMade }
        case "status":
            if made?.writeStatus(to: &answer.json) == nil { MadeEnvironment.writeEmptyStatus(to: &answer.json) }
        case "close":
            made = nil
            answer.json.beginObject()
            answer.json.endObject()
        case let unknown:
            throw Failure(.methodNotFound, "An environment has no method called \(quoted(unknown)).")
        }
    }

    private mutating func make(_ params: ServiceParams) throws(Failure) {
        guard made == nil else {
            throw Failure(.invalidRequest, "This sandbox holds an environment already; close it before the next make.")
        }
        let new = try MadeEnvironment(params, registry: registry, limits: limits, entropy: entropy)
        made = new
        answer.isVector = new.count != nil
        answer.showsSuffix = new.showsSuffix
        answer.json.beginObject()
        answer.json.name("spec")
        new.spec.write(to: &answer.json)
        answer.json.endObject()
    }

    private var notMade: Failure { Failure(.notReset, "No environment has been made here yet; call make first.") }
}
