import GEM
import Registry
import SandboxHost
import Synchronization

extension SandboxDirectory {
    /// The way to the rocklet in a sandbox, and a use of the sandbox.
    ///
    /// - Throws: ``Failure``: `unknownSandbox`; `conflict` that says its state where it does not run; `infraFailed` where its
    ///   driver does not answer.
    func agent(of id: String, for caller: SandboxCaller) async throws(Failure) -> SandboxAgent {
        let record = try runningRecord(id, for: caller)
        try registry().touch(id)
        guard let name = SandboxID(rawValue: id) else { throw Failure(.unknownSandbox, "Sandbox \(id) not found.") }
        if let agent = machine.agent(name) { return agent }
        // Its driver may not have answered when the server came back.
        if state.withLock({ $0.unadopted[record.driver] != nil }) {
            await reconcile(driver: record.driver)
            if let agent = machine.agent(name) { return agent }
        }
        if let failure = state.withLock({ $0.unadopted[record.driver] }) {
            throw Failure(.infraFailed, "Sandbox \(id) cannot be reached: \(failure.message)")
        }
        throw Failure(.conflict, "Sandbox \(id) has just ended.")
    }

    /// The record of a sandbox that runs.
    func runningRecord(_ id: String, for caller: SandboxCaller) throws(Failure) -> SandboxRecord {
        let record = try record(id, for: caller)
        switch record.state {
        case .running: return record
        case .pending:
            let phase = record.phases.last { $0.status == .running }?.name ?? "waiting"
            throw Failure(.conflict, "Sandbox \(id) is not started yet (\(phase)). Wait until it is running.")
        case .stopped, .archiving, .archived, .deleted:
            let reason = record.reason.map { " \($0)" } ?? ""
            throw Failure(.conflict, "Sandbox \(id) is \(record.state.rawValue).\(reason)")
        }
    }

    /// Passes a call to the rocklet in a sandbox; see ``SandboxAgent/call(_:_:body:timeout:limit:)``. A use of the sandbox when it
    /// begins and when it ends.
    ///
    /// - Parameters:
    ///   - method: Of HTTP.
    ///   - path: Of the in-sandbox interface.
    ///   - id: The sandbox.
    ///   - body: JSON.
    ///   - timeout: How long it may take; `nil` for the server's own limit.
    ///   - caller: Who asks.
    /// - Returns: What the rocklet answered, failures inside included.
    /// - Throws: ``Failure`` where it could not be asked.
    func call(
        _ method: String, _ path: String, of id: String, body: [UInt8], timeout: Duration? = nil,
        for caller: SandboxCaller
    ) async throws(Failure) -> AgentReply {
        let agent = try await agent(of: id, for: caller)
        let reply = try await agent.call(method, path, body: body, timeout: timeout ?? configuration.callTimeout)
        // What ran for long was in use until now.
        try registry().touch(id)
        return reply
    }

    /// Whether the rocklet inside answers: how ROCK's first servers knew that a sandbox lives.
    func answers(_ record: SandboxRecord) async -> Bool {
        guard let agent = SandboxID(rawValue: record.id).flatMap(machine.agent) else { return false }
        do throws(Failure) {
            let reply = try await agent.call("GET", "/is_alive", timeout: .seconds(5), limit: 4096)
            return reply.isSuccess
        } catch {
            return false
        }
    }

    /// Does `work` once for each `requestID`, also across a restart of this server.
    ///
    /// - Parameters:
    ///   - requestID: What the client calls its request; `nil` does the work.
    ///   - id: The sandbox that it is about.
    ///   - method: What is done, so that two methods may use one id.
    ///   - work: Gives the answer to keep, a JSON value.
    /// - Returns: The answer, of now or of then.
    /// - Throws: ``Failure`` of `work`, which is not kept; `conflict` where an earlier server was interrupted while it did the
    ///   work, or the answer was too long to be kept.
    func once(
        _ requestID: String?, on id: String, method: String, _ work: @Sendable () async throws(Failure) -> [UInt8]
    ) async throws(Failure) -> [UInt8] {
        guard let requestID else { return try await work() }
        let registry = try registry()
        guard let serial = registry.record(id)?.serial else {
            throw Failure(.unknownSandbox, "Sandbox \(id) not found.")
        }
        let key: RequestKey
        do throws(RegistryError) { key = try RequestKey(scope: "\(method) \(serial)", requestID: requestID) } catch {
            throw Failure(error)
        }
        let reply = try await executions.answer(to: "\(key.scope) \(requestID)") { () async throws(Failure) -> Reply in
            let claim = try await asking { try await registry.write { $0.claim(key) } }
            switch claim {
            case .answered(let answer): return .result(answer[...])
            case .interrupted:
                throw Failure(
                    .conflict,
                    "The server was restarted while request \(requestID) was under way; whether it was done is not known."
                )
            case .inProgress:
                throw Failure(.conflict, "Request \(requestID) was done, but its answer was too long to be kept.")
            case .new: break
            }
            do throws(Failure) {
                let answer = try await work()
                if answer.count <= RegistryTransaction.answerLimit {
                    try await asking { try await registry.write { try $0.answer(key, answer) } }
                }
                return .result(answer[...])
            } catch {
                registry.post { $0.forget(key) }
                throw error
            }
        }
        guard case .result(let answer) = reply else { return [] }
        return Array(answer)
    }
}
