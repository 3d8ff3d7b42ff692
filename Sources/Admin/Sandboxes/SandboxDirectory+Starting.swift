import GEM
import Registry
import SandboxHost
import Synchronization

/// A start that has been accepted.
struct StartedSandbox: Sendable {
    let record: SandboxRecord
    /// How many starts come before; 0 where it has begun.
    let position: Int
    /// How long until it begins; `nil` where it has begun or nobody knows.
    let estimatedSeconds: Double?
    /// Whether an earlier request with the same `request_id` started it.
    let isRepeat: Bool
}

extension SandboxDirectory {
    /// Accepts a start: when this returns, the sandbox has a row on disk and a place in the line.
    ///
    /// - Parameters:
    ///   - start: What is asked for.
    ///   - caller: Who asks.
    ///   - connection: The client's connection, for leases; `nil` where there is none to lose.
    /// - Returns: The new sandbox; with a `request_id` that came before, the one that was started then.
    /// - Throws: ``Failure``: `invalidArgument` for what is not to be had, `conflict` for an id in use, `overloaded` where the line
    ///   is full, `infraFailed` where the row could not be written.
    func start(
        _ start: SandboxStart, by caller: SandboxCaller, connection: ClientConnection? = nil
    ) async throws(Failure) -> StartedSandbox {
        let registry = try registry()
        let plan = try configuration.plan(start, by: caller, authorization: sealed(caller.key))
        _ = try machine.driver(plan.driver)
        let key = try start.requestID.map { (text) throws(Failure) in try requestKey(text, caller) }
        if let key, let earlier = try await earlier(key, for: caller) { return earlier }
        await settled(plan.id)
        try state.withLock { (state) throws(Failure) in
            if state.isClosing { throw Failure(.shuttingDown, "The server is shutting down.") }
            try state.queue.reserve(plan.need)
        }
        let written: (record: SandboxRecord, isNew: Bool)
        do {
            written = try await asking {
                try await registry.write { transaction in
                    if let key, case .answered(let id) = transaction.claim(key),
                        let record = transaction.record(String(decoding: id, as: UTF8.self))
                    {
                        return (record, false)
                    }
                    let record = try transaction.create(plan.request)
                    if let key { try transaction.answer(key, Array(record.id.utf8)) }
                    return (record, true)
                }
            }
        } catch {
            state.withLock { $0.queue.cancelReservation() }
            throw error
        }
        guard written.isNew else {
            state.withLock { $0.queue.cancelReservation() }
            return started(written.record, isRepeat: true)
        }
        enqueue(plan, .first)
        if let connection, plan.hasConnectionLease { hold(written.record.id, on: connection) }
        return started(written.record, isRepeat: false)
    }

    /// Waits until a start is over.
    ///
    /// - Returns: The record of the running sandbox.
    /// - Throws: ``Failure`` of kind `infraFailed` with the reason where it did not start; `unknownSandbox` where it is gone.
    func startEnd(of id: String, for caller: SandboxCaller) async throws(Failure) -> SandboxRecord {
        let states = Set(SandboxState.allCases).subtracting([.pending])
        let record = try await wait(for: id, until: states, timeout: configuration.startTimeout, caller)
        switch record.state {
        case .running: return record
        case .pending: throw Failure(.timeout, "Sandbox \(id) is still starting. Ask for its status.")
        case .stopped, .archiving, .archived, .deleted:
            throw Failure(.infraFailed, record.reason ?? "Sandbox \(id) ended while it was starting.")
        }
    }

    private func requestKey(_ text: String, _ caller: SandboxCaller) throws(Failure) -> RequestKey {
        do throws(RegistryError) {
            // Callers who cannot see each other's sandboxes must not meet in a request id either.
            return try RequestKey(scope: "start " + caller.namespace.prefix(128), requestID: text)
        } catch { throw Failure(error) }
    }

    /// The sandbox that an earlier request of the same id started: looked up before the new one takes anybody's place.
    private func earlier(_ key: RequestKey, for caller: SandboxCaller) async throws(Failure) -> StartedSandbox? {
        let registry = try registry()
        let id: String? = try await asking {
            try await registry.write { transaction in
                transaction.answer(to: key).map { String(decoding: $0, as: UTF8.self) }
            }
        }
        guard let id else { return nil }
        return started(try record(id, for: caller), isRepeat: true)
    }

    private func started(_ record: SandboxRecord, isRepeat: Bool) -> StartedSandbox {
        let place = state.withLock { $0.queue.place(of: record.id) }
        return StartedSandbox(
            record: record, position: place?.position ?? 0, estimatedSeconds: place?.estimatedSeconds,
            isRepeat: isRepeat)
    }

    private func sealed(_ key: String) -> String {
        guard let seal else { return "" }
        return String(decoding: Base64.encode(seal.seal(Array(key.utf8.prefix(512)))), as: UTF8.self)
    }

    /// Waits until whatever ends an earlier sandbox of this id is over.
    func settled(_ id: SandboxID) async {
        while case .ending(let task)? = state.withLock({ $0.lives[id.rawValue] }) { _ = await task.value }
    }

    // MARK: Whose turn it is

    /// Puts a start whose row is written into the line.
    func enqueue(_ plan: SandboxPlan, _ mode: Mode) {
        state.withLock { state in
            state.lives[plan.request.id] = .waiting(plan, mode)
            state.queue.add(plan.request.id, namespace: plan.request.namespace, need: plan.need)
        }
        armAlarm()
        startReady()
    }

    /// Begins every start whose turn it is.
    func startReady() {
        let goingOn = state.withLock { state in
            var goingOn: [CheckedContinuation<Void, Never>] = []
            for id in state.queue.takeReady() {
                if let paused = state.paused.removeValue(forKey: id) {
                    goingOn.append(paused)
                } else if case .waiting(let plan, let mode)? = state.lives[id] {
                    state.lives[id] = .starting(Task { await self.run(plan, mode) })
                } else {
                    state.queue.remove(id)
                }
            }
            return goingOn
        }
        for continuation in goingOn { continuation.resume() }
    }

    // MARK: The start itself

    private func run(_ plan: SandboxPlan, _ mode: Mode) async {
        let id = plan.request.id
        let began = clock.now()
        // A driver may not notice that it was cancelled; the row says in time that the start failed, whatever the driver does.
        let cancelTimeout = clock.schedule(began.advanced(bySeconds: plan.timeout.components.seconds)) { [weak self] in
            Task { [weak self] in
                await self?.abandon(
                    id, by: .startFailed, reason: "It did not start within \(plan.timeout).", isOnlyStart: true)
            }
        }
        let (outcome, fetched) = await launch(plan, mode)
        cancelTimeout()
        state.withLock { $0.queue.endStart(id, seconds: clock.now().seconds(since: began) - fetched) }
        switch outcome {
        case .success(let running): await settle(plan, mode, running)
        case .failure(let failure): await fail(plan, failure)
        }
        startReady()
    }

    /// - Returns: What came of it, and for how many seconds it waited for its image.
    private func launch(
        _ plan: SandboxPlan, _ mode: Mode
    ) async -> (outcome: Result<RunningSandbox, Failure>, fetched: Double) {
        let id = plan.request.id
        let report: @Sendable (StartStep) -> Void = { [weak self] step in self?.note(step, of: id) }
        var fetched = 0.0
        do throws(Failure) {
            switch mode {
            case .first: return (.success(try await startFetching(plan, &fetched, report)), fetched)
            case .again:
                let running = try await machine.restart(plan.specification, driver: plan.driver, report: report)
                return (.success(running), 0)
            }
        } catch {
            return (.failure(error), fetched)
        }
    }

    private func note(_ step: StartStep, of id: String) {
        let time = clock.now()
        (try? registry())?.post { transaction in
            // A start that was given up goes on reporting.
            guard transaction.record(id)?.state == .pending else { return }
            try transaction.update(id) { $0.phases.note(step, at: time) }
        }
    }

    /// Counts a sandbox as running and writes that down, unless it was given up meanwhile.
    private func settle(_ plan: SandboxPlan, _ mode: Mode, _ running: RunningSandbox) async {
        let id = plan.request.id
        // Counted before it is written: whoever reads that it runs can end it as one that runs.
        let (isKept, early) = state.withLock { state -> (Bool, Machine.Ended?) in
            guard case .starting? = state.lives[id] else { return (false, nil) }
            state.lives[id] = .running
            return (true, state.earlyEnds.removeValue(forKey: id))
        }
        guard isKept else { return await discard(plan, mode) }
        do throws(Failure) {
            let registry = try registry()
            let time = clock.now()
            _ = try await asking {
                try await registry.write { transaction in
                    try transaction.update(id) { record in
                        record.phases.note(.answering, at: time)
                        record.take(running)
                    }
                    return try transaction.move(id, by: .alive)
                }
            }
        } catch {
            // Where it has been ended meanwhile, there was nothing more to write.
            let isRunning = state.withLock { if case .running? = $0.lives[id] { true } else { false } }
            guard isRunning else { return }
            await abandon(id, by: .startFailed, reason: error.message, isOnlyStart: false)
            return await discard(plan, mode)
        }
        armAlarm()
        if let early { noteEnd(early) }
    }

    /// Writes down that a start failed, unless it was given up meanwhile.
    private func fail(_ plan: SandboxPlan, _ failure: Failure) async {
        let id = plan.request.id
        let isOurs: Bool = state.withLock { state in
            guard case .starting? = state.lives[id] else { return false }
            state.lives[id] = nil
            state.queue.remove(id)
            return true
        }
        guard isOurs else { return }
        let time = clock.now()
        await writeEnd(of: id, by: .startFailed, reason: failure.message) { $0.phases.note(failure, at: time) }
        dropLease(id)
        armAlarm()
    }

    /// Ends a sandbox that came up for nobody; files of before stay.
    private func discard(_ plan: SandboxPlan, _ mode: Mode) async {
        do throws(Failure) {
            switch mode {
            case .first: try await machine.remove(plan.id, driver: plan.driver)
            case .again: try await machine.stop(plan.id, driver: plan.driver, grace: .zero)
            }
        } catch {
            // The driver could not end it; the next start of this server finds it without a row that wants it.
            complain("Sandbox \(plan.id) could not be ended: \(error.message)")
        }
    }
}

extension SandboxRecord {
    /// Takes over what a driver says of a sandbox that runs.
    mutating func take(_ running: RunningSandbox) {
        ports = running.ports.sorted { $0.key < $1.key }.map { PortMapping(inside: $0.key, host: $0.value) }
        isolation = IsolationSummary.text(of: running.isolation)
        hostID = LocalHost.name
        hostName = LocalHost.name
        hostIP = LocalHost.address
    }
}
