/// An environment that lives in a sandbox of a server, and behaves as a local one does.
///
/// It is a value like every environment: a copy goes on by itself. What is copied is forked on the server, once one of the
/// two moves. The sandbox is closed when the last copy is gone.
public struct RemoteEnvironment: Environment {
    /// What the server says of it, as `make` answers it.
    public let spec: JSON
    public private(set) var failure: Failure?
    private var sandbox: RemoteSandbox

    /// Makes an environment on a server.
    ///
    /// - Parameters:
    ///   - id: Such as `game:Sokoban-v0-easy`.
    ///   - kwargs: The environment's own arguments.
    ///   - carrier: The way to the server.
    /// - Throws: The server's ``Failure``, such as `unknownEnvironment`, or the carrier's.
    public init(_ id: String, kwargs: JSON.Object = [:], over carrier: some RemoteCarrier) throws(Failure) {
        let made = try carrier.call(
            "make",
            [
                "env_id": .string(id), "kwargs": .object(kwargs), "info": "full",
                "request_id": .string(RemoteSandbox.requestID()),
            ])
        guard let sandbox = made["sandbox_id"]?.string else {
            throw Failure(.infraFailed, "The server's answer to make names no sandbox.")
        }
        spec = made["spec"] ?? [:]
        self.sandbox = RemoteSandbox(sandbox, carrier)
    }

    public mutating func reset(seed: Seed?, observation: inout Observation) throws(Failure) {
        failure = nil
        var params: JSON.Object = [:]
        if let seed { params["seed"] = .number(JSON.Number(Int(seed))) }
        try Self.show(try move("reset", params), in: &observation)
    }

    /// Plays one turn. Where the server cannot be asked, the reward is no number and ``failure`` says why.
    public mutating func step(_ action: Action, observation: inout Observation) -> StepResult {
        failure = nil
        do throws(Failure) {
            let text = action.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
            let turn = try move("step", ["action": .string(text)])
            guard let reward = turn["reward"]?.double, let terminated = turn["terminated"]?.bool,
                let truncated = turn["truncated"]?.bool
            else { throw Failure(.infraFailed, "The server's answer to step lacks the reward or a flag.") }
            try Self.show(turn, in: &observation)
            return StepResult(reward: reward, terminated: terminated, truncated: truncated)
        } catch {
            failure = error
            return StepResult(reward: .nan)
        }
    }

    /// Asks the server's environment for an action. Where it cannot be asked the text stays empty and ``failure`` says why.
    public mutating func sampleAction(into text: inout Text) {
        failure = nil
        do throws(Failure) {
            text.append(string: try move("sample_action")["action"]?.string ?? "")
        } catch { failure = error }
    }

    /// Draws the state, or says why the server cannot be asked.
    public func render(_ mode: RenderMode, into text: inout Text) {
        do throws(Failure) {
            text.append(string: try sandbox.call("render", ["mode": .string(mode.rawValue)])["text"]?.string ?? "")
        } catch {
            text.append(string: error.message)
            text.append("\n")
        }
    }

    public mutating func code(_ state: inout StateCoder, hasEpisode: Bool) throws(Failure) {
        var saved = ""
        if !state.isReading { saved = try sandbox.call("save")["state"]?.string ?? "" }
        try state.text(&saved, limit: 1 << 24)
        if state.isReading { _ = try move("restore", ["state": .string(saved)]) }
    }

    /// Calls a method that changes the sandbox, which is then this copy's alone.
    private mutating func move(_ method: String, _ params: JSON.Object = [:]) throws(Failure) -> JSON {
        if !isKnownUniquelyReferenced(&sandbox) { sandbox = try sandbox.fork() }
        var params = params
        params["request_id"] = .string(RemoteSandbox.requestID())
        return try sandbox.call(method, params)
    }

    /// The server sends one text and, as `info.suffix`, the part of it that is the state.
    private static func show(_ turn: JSON, in observation: inout Observation) throws(Failure) {
        guard let text = turn["observation"]?.string, var info = turn["info"]?.object else {
            throw Failure(.infraFailed, "The server's answer lacks the observation or its info.")
        }
        let state = info["suffix"]?.string ?? ""
        info["suffix"] = nil
        // A line feed stands between the two parts.
        let message = text.utf8.count - state.utf8.count - 1
        guard message >= 0 else { throw Failure(.infraFailed, "The server's observation is shorter than its end.") }
        observation.message.append(utf8: text.utf8.prefix(message))
        observation.state.append(utf8: state.utf8)
        observation.info.add(info)
    }
}
