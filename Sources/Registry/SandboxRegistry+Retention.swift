extension SandboxRegistry {
    /// What may be forgotten: deleted sandboxes, billing and audit entries from before each moment. `nil` forgets nothing.
    package struct Retention: Sendable {
        package var sandboxesDeletedBefore: Timestamp?
        package var billingBefore: Timestamp?
        package var auditBefore: Timestamp?

        package init() {}
    }

    /// Forgets what `retention` allows; nothing is ever forgotten otherwise.
    ///
    /// - Returns: How many sandboxes went.
    package func prune(_ retention: Retention) async throws -> Int {
        var count = 0
        if let time = retention.sandboxesDeletedBefore {
            while true {
                // In portions, so that other writers get their turn.
                let old = memory.withTable { $0.deleted(before: time, limit: 500) }
                guard !old.isEmpty else { break }
                try await write { transaction in
                    for record in old { transaction.remove(record) }
                }
                count += old.count
            }
        }
        if retention.billingBefore != nil || retention.auditBefore != nil {
            try await write { transaction in
                transaction.removeLog(billingBefore: retention.billingBefore, auditBefore: retention.auditBefore)
            }
        }
        return count
    }
}

extension SandboxTable {
    /// At most `limit` records that were deleted before `time`.
    func deleted(before time: Timestamp, limit: Int) -> [SandboxRecord] {
        let bit = Self.bit(.deleted)
        let slots = states.indices.lazy.filter { states[$0] == bit }
        return Array(
            slots.compactMap { record(at: $0) }.filter { $0.deleteTime.map { $0 < time } ?? false }.prefix(limit))
    }
}
