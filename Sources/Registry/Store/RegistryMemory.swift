/// What readers see: the state that is on disk, plus the latest uses of live sandboxes.
///
/// Only the writer changes it, after its rows are on disk; the one exception is ``touch(_:at:)``.
final class RegistryMemory: Sendable {
    private let sandboxes: Guarded<SandboxTable>
    let keys: KeyRing
    let feed: ChangeFeed

    init(sandboxes: consuming SandboxTable, keys: [APIKey], feed: ChangeFeed) {
        self.sandboxes = Guarded(sandboxes)
        self.keys = KeyRing(keys)
        self.feed = feed
    }

    func record(_ id: String) -> SandboxRecord? {
        sandboxes.withLock { table in table.slot(of: id).flatMap { table.record(at: $0) } }
    }

    func withTable<Result>(_ body: (borrowing SandboxTable) -> Result) -> Result {
        sandboxes.withLock { body($0) }
    }

    /// Makes a group of changes visible and tells those who wait for them.
    func apply(_ set: ChangeSet) {
        sandboxes.withLock { table in
            for serial in set.order {
                guard let row = set.rows[serial] else { continue }
                if row.isNew { table.append(row.record) } else { table.replace(row.record) }
            }
            for serial in set.removed { table.remove(serial) }
        }
        for key in set.keys.values { keys.set(key) }
        feed.publish(set.changes)
    }

    /// Moves the idle limit of a live sandbox to its full length from `time` on.
    ///
    /// - Returns: Whether the written limit has fallen so far behind that it should be written anew.
    func touch(_ id: String, at time: Timestamp) -> Bool {
        sandboxes.withLock { table in
            guard let slot = table.slot(of: id), let written = table.writtenAutoStop(at: slot),
                let seconds = table.autoClearSeconds(at: slot)
            else { return false }
            let deadline = time.advanced(bySeconds: Int64(seconds))
            guard deadline.microseconds > table.deadlines[slot] else { return false }
            table.setDeadline(deadline, at: slot)
            return deadline > written.advanced(bySeconds: SandboxRegistry.touchPrecisionSeconds)
        }
    }
}
