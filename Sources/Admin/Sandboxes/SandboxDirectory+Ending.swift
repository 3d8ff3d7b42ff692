import GEM
import Registry
import SandboxHost
import Synchronization

extension SandboxDirectory {
    // MARK: What clients ask for

    /// Stops a sandbox, or gives up its start. That it has stopped already, or never was, is no failure.
    ///
    /// - Throws: ``Failure`` where the driver cannot end it, or its end cannot be written down.
    func stop(_ id: String, for caller: SandboxCaller) async throws(Failure) {
        guard let record = try registry().record(id), caller.sees(record.namespace), record.state.isLive else { return }
        try await end(record, by: .stop, reason: "It was stopped by its client.")
    }

    /// Starts a stopped sandbox again, with its files and without its processes.
    ///
    /// - Returns: The record, pending.
    /// - Throws: ``Failure``: `unknownSandbox`, `conflict` in any state but stopped and archived, `overloaded`.
    func restart(_ id: String, for caller: SandboxCaller) async throws(Failure) -> SandboxRecord {
        let registry = try registry()
        let record = try record(id, for: caller)
        guard let name = SandboxID(rawValue: id), SandboxState.target(of: .restart, from: record.state) != nil else {
            throw Failure(
                .conflict, "Sandbox \(id) is \(record.state.rawValue); only a stopped or archived one can be restarted."
            )
        }
        await settled(name)
        let blueprint = try await asking { try await registry.blueprint(of: id) }
        let json = blueprint.flatMap { try? JSON(parsing: $0.span) }
        guard let specification = json.flatMap(SandboxSpecification.init), specification.id == name else {
            throw Failure(.infraFailed, "What is needed to restart sandbox \(id) was not kept. Start a new one.")
        }
        var request = SandboxRequest(id: id)
        (request.namespace, request.driver) = (record.namespace, record.driver)
        (request.cpus, request.memoryBytes) = (record.cpus, record.memoryBytes)
        let plan = SandboxPlan(
            request: request, specification: specification, driver: record.driver, timeout: configuration.startTimeout,
            hasConnectionLease: false)
        try state.withLock { (state) throws(Failure) in
            if state.isClosing { throw Failure(.shuttingDown, "The server is shutting down.") }
            try state.queue.reserve(plan.need)
        }
        do {
            let restarted = try await asking {
                try await registry.write { transaction in try transaction.move(id, by: .restart) }
            }
            // One that never ran left no files to start with.
            enqueue(plan, record.history.contains { $0.to == .running } ? .again : .first)
            return restarted
        } catch {
            state.withLock { $0.queue.cancelReservation() }
            throw error
        }
    }

    /// Deletes a stopped sandbox with its files. That it was deleted already, or never was, is no failure.
    ///
    /// - Throws: ``Failure`` of kind `conflict` in any other state.
    func delete(_ id: String, for caller: SandboxCaller) async throws(Failure) {
        let registry = try registry()
        guard let record = registry.record(id), caller.sees(record.namespace), record.state != .deleted else { return }
        guard SandboxState.target(of: .delete, from: record.state) != nil else {
            throw Failure(
                .conflict, "Sandbox \(id) is \(record.state.rawValue); only a stopped or archived one can be deleted.")
        }
        try await delete(record, by: .delete)
    }

    /// Not offered yet.
    ///
    /// - Throws: ``Failure`` that says so.
    func archive(_ id: String, for caller: SandboxCaller) async throws(Failure) {
        _ = try record(id, for: caller)
        throw Failure(.invalidArgument, "archive feature is disabled")
    }

    // MARK: One end for every sandbox

    /// Ends a live sandbox, whatever it is doing, and waits until that is written down.
    func end(_ record: SandboxRecord, by event: SandboxEvent, reason: String) async throws(Failure) {
        if let task = beginEnd(record, by: event, reason: reason) { return try await task.value.get() }
        if let failure = state.withLock({ $0.unadopted[record.driver] }) {
            throw Failure(
                .infraFailed, "Sandbox \(record.id) cannot be reached since the server's restart: \(failure.message)")
        }
        // It has ended and only its row does not know.
        try await writeEnd(of: record.id, by: event, reason: reason).get()
    }

    /// Gives up a start that waits or is under way. One that is over already is left alone, and with `isOnlyStart` a sandbox that
    /// runs by now too.
    @discardableResult
    func abandon(
        _ id: String, by event: SandboxEvent, reason: String, isOnlyStart: Bool = true
    ) async -> Result<Void, Failure> {
        guard let record = (try? registry())?.record(id),
            let task = beginEnd(record, by: event, reason: reason, isOnlyStart: isOnlyStart)
        else { return .success(()) }
        return await task.value
    }

    /// Sees to it that a sandbox is ended by exactly one task.
    ///
    /// - Returns: A task that ends when the end is written down; `nil` where there is nothing to end.
    private func beginEnd(
        _ record: SandboxRecord, by event: SandboxEvent, reason: String, isOnlyStart: Bool = false
    ) -> Task<Result<Void, Failure>, Never>? {
        let id = record.id
        return state.withLock { state in
            switch state.lives[id] {
            case nil: return nil
            case .ending(let task)?: return task
            case .running?:
                if isOnlyStart { return nil }
                let task = Task { await self.endRunning(record, by: event, reason: reason) }
                state.lives[id] = .ending(task)
                return task
            case .waiting?:
                state.queue.remove(id)
                let task = Task {
                    let outcome = await self.writeEnd(of: id, by: event, reason: reason)
                    self.forget(id)
                    return outcome
                }
                state.lives[id] = .ending(task)
                return task
            case .starting(let start)?:
                start.cancel()
                let written = Task { await self.writeEnd(of: id, by: event, reason: reason) }
                // The client need not wait until a driver has noticed; whoever wants the id next does.
                state.lives[id] = .ending(
                    Task {
                        let outcome = await written.value
                        await start.value
                        await self.removeIfDeleted(id, driver: record.driver)
                        self.forget(id)
                        return outcome
                    })
                return written
            }
        }
    }

    private func endRunning(
        _ record: SandboxRecord, by event: SandboxEvent, reason: String
    ) async -> Result<Void, Failure> {
        let id = record.id
        guard let name = SandboxID(rawValue: id) else { return .success(()) }
        do throws(Failure) {
            try await machine.stop(name, driver: record.driver, grace: configuration.stopGrace)
        } catch {
            if machine.sandbox(name) != nil {
                state.withLock { $0.lives[id] = .running }
                // Its end may have been passed over while it was being stopped.
                if machine.sandbox(name) == nil {
                    noteEnd(Machine.Ended(id: name, end: SandboxEnd(reason: "It ended.")))
                }
                return .failure(error)
            }
        }
        let outcome = await writeEnd(of: id, by: event, reason: reason)
        await removeIfDeleted(id, driver: record.driver)
        forget(id)
        return outcome
    }

    /// Takes in that a sandbox ended without having been told to.
    func noteEnd(_ ended: Machine.Ended) {
        let id = ended.id.rawValue
        guard let driver = (try? registry())?.record(id)?.driver else { return }
        let reason =
            ended.end.ranOutOfMemory ? "It ran out of memory and was killed. \(ended.end.reason)" : ended.end.reason
        state.withLock { state in
            switch state.lives[id] {
            case .running?: break
            case .starting?:
                state.earlyEnds[id] = ended
                return
            case .waiting?, .ending?, nil: return
            }
            state.lives[id] = .ending(
                Task {
                    let outcome = await self.writeEnd(of: id, by: .lost, reason: reason)
                    await self.removeIfDeleted(id, driver: driver)
                    self.forget(id)
                    return outcome
                })
        }
    }

    /// Moves a deleted sandbox's row and removes its files.
    func delete(_ record: SandboxRecord, by event: SandboxEvent) async throws(Failure) {
        let (id, driver) = (record.id, record.driver)
        let registry = try registry()
        let task: Task<Result<Void, Failure>, Never> = state.withLock { state in
            if case .ending(let task)? = state.lives[id] { return task }
            let task = Task { () -> Result<Void, Failure> in
                do throws(Failure) {
                    _ = try await asking {
                        try await registry.write { transaction in try transaction.move(id, by: event) }
                    }
                } catch {
                    self.forget(id)
                    return .failure(error)
                }
                await self.removeIfDeleted(id, driver: driver)
                self.forget(id)
                return .success(())
            }
            state.lives[id] = .ending(task)
            return task
        }
        try await task.value.get()
    }

    // MARK: Rows

    /// Writes down that a sandbox has ended. What the disk refuses is tried again later.
    @discardableResult
    func writeEnd(
        of id: String, by event: SandboxEvent, reason: String,
        _ change: (@Sendable (inout SandboxRecord) -> Void)? = nil
    ) async -> Result<Void, Failure> {
        do throws(Failure) {
            let registry = try registry()
            try await asking {
                try await registry.write { transaction in
                    guard let record = transaction.record(id), record.state.isLive else { return }
                    if let change { try transaction.update(id, change) }
                    // It came up while its start was being given up.
                    let isTooLate = event == .startFailed && record.state == .running
                    try transaction.move(id, by: isTooLate ? .lost : event, reason: reason)
                }
            }
            state.withLock { _ = $0.unwritten.removeValue(forKey: id) }
            return .success(())
        } catch {
            // Where nothing can ever be written, trying again helps nobody.
            if (try? registry())?.isReadOnly == true { return .failure(error) }
            state.withLock { $0.unwritten[id] = (event, reason) }
            alarm.set(clock.now().advanced(bySeconds: Self.rewriteSeconds))
            return .failure(error)
        }
    }

    /// How long to wait before a row that could not be written is tried again.
    static let rewriteSeconds: Int64 = 5

    /// Removes what is left of a sandbox whose row says that nothing is to be left.
    func removeIfDeleted(_ id: String, driver: String) async {
        guard let record = (try? registry())?.record(id), record.state == .deleted,
            let name = SandboxID(rawValue: id)
        else { return }
        do throws(Failure) {
            try await machine.remove(name, driver: driver)
        } catch {
            // The next start of this server finds it without a row that wants it, and tries again.
            complain("The files of sandbox \(id) could not be removed: \(error.message)")
        }
    }

    /// Nothing more happens to a sandbox: what it held is free.
    func forget(_ id: String) {
        state.withLock { state in
            state.lives[id] = nil
            state.queue.remove(id)
            state.samples[id] = nil
            state.earlyEnds[id] = nil
        }
        dropLease(id)
        startReady()
        armAlarm()
    }

    // MARK: Leases

    /// Has a sandbox stopped when `connection` closes.
    func hold(_ id: String, on connection: ClientConnection) {
        let release = connection.onClose { [weak self] in
            Task { [weak self] in
                guard let self, let record = try? self.registry().record(id), record.state.isLive else { return }
                do throws(Failure) {
                    try await self.end(record, by: .stop, reason: "The connection that held its lease was closed.")
                } catch {
                    self.complain("Sandbox \(id) could not be stopped when its lease ended: \(error.message)")
                }
            }
        }
        let isLive: Bool = state.withLock { state in
            guard state.lives[id] != nil else { return false }
            state.leases[id] = release
            return true
        }
        if !isLive { release() }
    }

    func dropLease(_ id: String) { state.withLock { $0.leases.removeValue(forKey: id) }?() }
}
