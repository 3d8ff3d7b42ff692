import GEM
import Registry
import SandboxHost
import Synchronization

extension SandboxDirectory {
    /// Brings the rows that a predecessor left and the sandboxes that a predecessor left together.
    ///
    /// What lives and should live goes on; what lives and should not is ended; what should live and does not is written down as
    /// lost; a start that was interrupted has failed. Leases by connection ended with the connections.
    func reconcile(driver name: String? = nil) async {
        for adoption in await machine.adopt(driver: name) {
            switch adoption.outcome {
            case .success(let found):
                state.withLock { _ = $0.unadopted.removeValue(forKey: adoption.driver) }
                await reconcile(found, of: adoption.driver)
            case .failure(let failure):
                // Its sandboxes may well live: their rows stay as they are.
                state.withLock { $0.unadopted[adoption.driver] = failure }
                complain("The sandboxes of driver \(adoption.driver) could not be looked for: \(failure.message)")
            }
        }
        if name == nil { await endWhatNobodyCanRun() }
    }

    private func reconcile(_ found: [AdoptedSandbox], of driver: String) async {
        let here = Dictionary(found.map { ($0.id.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
        for record in liveRecords(of: driver) where !isLive(here[record.id]) {
            // Nobody will report its end: it ended while nobody looked.
            await writeLoss(of: record, here[record.id])
        }
        await withTaskGroup(of: Void.self) { group in
            for (index, sandbox) in found.enumerated() {
                if index >= 32 { await group.next() }
                group.addTask { await self.settle(sandbox, of: driver) }
            }
        }
    }

    private func isLive(_ sandbox: AdoptedSandbox?) -> Bool {
        if case .running? = sandbox { true } else { false }
    }

    /// The records of a driver that should run, save those that this process itself has in hand.
    private func liveRecords(of driver: String) -> [SandboxRecord] {
        var query = SandboxQuery()
        query.states = [.pending, .running]
        query.members = [("driver", driver)]
        query.limit = SandboxQuery.limitMaximum
        var records: [SandboxRecord] = []
        while let page = try? registry().list(query) {
            records += page.records
            guard page.hasMore else { break }
            query.offset += query.limit
        }
        let lives = state.withLock { Set($0.lives.keys) }
        return records.filter { !lives.contains($0.id) }
    }

    private func writeLoss(of record: SandboxRecord, _ found: AdoptedSandbox?) async {
        let time = clock.now()
        guard record.state == .running else {
            let failure = Failure(.infraFailed, "The server was restarted while it was starting.")
            await writeEnd(of: record.id, by: .startFailed, reason: failure.message) {
                $0.phases.note(failure, at: time)
            }
            return
        }
        var reason = "It was gone when the server came back."
        if case .ended(_, let end, _)? = found { reason = "It ended while the server was down: \(end.reason)" }
        await writeEnd(of: record.id, by: .lost, reason: reason)
    }

    /// Decides about one sandbox that was found.
    private func settle(_ found: AdoptedSandbox, of driver: String) async {
        let id = found.id.rawValue
        // One that this process has in hand is no leftover.
        guard state.withLock({ $0.lives[id] == nil && !$0.guests.contains(found.id) }) else { return }
        let record = (try? registry())?.record(id).flatMap { $0.driver == driver ? $0 : nil }
        switch (found, record?.state) {
        case (.running(let running, _), .running?), (.running(let running, _), .pending?):
            await takeOver(running, record)
        case (.running, .stopped?), (.running, .archived?), (.running, .archiving?):
            await retire(found.id, driver, keepsFiles: true)
        case (.ended(_, _, let isRestartable), .stopped?), (.ended(_, _, let isRestartable), .archived?),
            (.ended(_, _, let isRestartable), .archiving?):
            if !isRestartable { await retire(found.id, driver, keepsFiles: false) }
        case (_, .deleted?), (_, nil), (.ended, .running?), (.ended, .pending?):
            await retire(found.id, driver, keepsFiles: false)
        }
    }

    /// Goes on with a sandbox that a predecessor started.
    private func takeOver(_ running: RunningSandbox, _ record: SandboxRecord?) async {
        guard let record, let registry = try? registry() else { return }
        let id = record.id
        state.withLock { state in
            state.lives[id] = .running
            state.queue.adopt(id, need: StartQueue.Need(cpus: record.cpus, memoryBytes: record.memoryBytes))
        }
        let time = clock.now()
        for loss in running.losses { complain("Sandbox \(id) was found again, but not all of it: \(loss)") }
        do {
            try await registry.write { transaction in
                try transaction.update(id) { record in
                    record.phases.note(.answering, at: time)
                    record.phases.note(losses: running.losses, at: time)
                    record.take(running)
                }
                if transaction.record(id)?.state == .pending { try transaction.move(id, by: .alive) }
            }
        } catch {
            complain("That sandbox \(id) was found again could not be written down: \(error)")
        }
        if record.labels.contains(ReservedLabel.lease) {
            _ = try? await end(record, by: .stop, reason: "The connection that held its lease went with the server.")
        }
        if machine.sandbox(running.id) == nil {
            noteEnd(Machine.Ended(id: running.id, end: SandboxEnd(reason: "It ended.")))
        }
    }

    private func retire(_ id: SandboxID, _ driver: String, keepsFiles: Bool) async {
        do throws(Failure) {
            if keepsFiles {
                try await machine.stop(id, driver: driver, grace: configuration.stopGrace)
            } else {
                try await machine.remove(id, driver: driver)
            }
        } catch {
            complain("Sandbox \(id), which nobody asked for, could not be ended: \(error.message)")
        }
    }

    /// Rows of drivers that this server no longer has: nothing can be done for them but to say so.
    private func endWhatNobodyCanRun() async {
        var query = SandboxQuery()
        query.states = [.pending, .running]
        query.limit = SandboxQuery.limitMaximum
        let names = Set(machine.driverNames)
        while let page = try? registry().list(query) {
            for record in page.records where !names.contains(record.driver) {
                await writeEnd(
                    of: record.id, by: record.state == .running ? .lost : .startFailed,
                    reason: "This server has no driver \(record.driver) any more.")
            }
            guard page.hasMore else { break }
            query.offset += query.limit
        }
    }
}
