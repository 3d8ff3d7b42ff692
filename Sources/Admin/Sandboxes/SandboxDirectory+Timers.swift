import GEM
import Registry
import Synchronization

extension SandboxDirectory {
    /// Sets the alarm for the nearest moment at which something happens by itself.
    func armAlarm() {
        guard let deadline = (try? registry())?.nextDeadline() else { return }
        alarm.set(deadline)
    }

    /// Does everything whose time has come, then sets the alarm anew.
    func handleDeadlines() async {
        guard let registry = try? registry() else { return }
        for (id, end) in state.withLock(\.unwritten) { await writeEnd(of: id, by: end.event, reason: end.reason) }
        let due = registry.due(at: clock.now())
        await withTaskGroup(of: Void.self) { group in
            for (index, record) in due.enumerated() {
                // A driver is not asked for everything at once.
                if index >= Self.atOnce { await group.next() }
                group.addTask { await self.handleDeadline(of: record) }
            }
        }
        await forgetDeleted()
        guard let next = registry.nextDeadline() else { return }
        // What could not be done now is not tried again at once.
        let isStuck = !due.isEmpty && next <= clock.now()
        alarm.set(isStuck ? clock.now().advanced(bySeconds: Self.rewriteSeconds) : next)
    }

    private static let atOnce = 32

    /// Forgets sandboxes that were deleted long ago, every hour at most.
    func forgetDeleted() async {
        let now = clock.now()
        let isTime: Bool = state.withLock { state in
            if let last = state.lastForgetting, now < last.advanced(bySeconds: 3600) { return false }
            state.lastForgetting = now
            return true
        }
        guard isTime, let registry = try? registry(), !registry.isReadOnly else { return }
        var retention = SandboxRegistry.Retention()
        retention.sandboxesDeletedBefore = now.advanced(bySeconds: -configuration.forgetDeletedSeconds)
        do { _ = try await registry.prune(retention) } catch {
            complain("Sandboxes that were deleted long ago could not be forgotten: \(error)")
        }
    }

    private func handleDeadline(of record: SandboxRecord) async {
        do throws(Failure) {
            // A use may have moved it meanwhile.
            guard let record = try registry().record(record.id), let deadline = record.deadline,
                deadline <= clock.now()
            else { return }
            switch record.deadlineEvent {
            case .autoClear:
                try await end(
                    record, by: .autoClear, reason: "Nobody used it for \(record.autoClearSeconds ?? 0) seconds.")
            case .autoDelete: try await delete(record, by: .autoDelete)
            case .autoArchive: try await passOverArchive(record)
            default: break
            }
        } catch {
            complain("What was due for sandbox \(record.id) could not be done: \(error.message)")
        }
    }

    /// There is nowhere to archive to: the sandbox goes back to where it was, and its history says so.
    private func passOverArchive(_ record: SandboxRecord) async throws(Failure) {
        let registry = try registry()
        try await asking {
            try await registry.write { transaction in
                try transaction.move(record.id, by: .autoArchive)
                try transaction.move(record.id, by: .archiveFailed, reason: "archive feature is disabled")
            }
        }
    }
}
