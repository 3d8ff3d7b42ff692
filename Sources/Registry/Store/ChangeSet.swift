/// What one transaction, or a group of them, is about to change.
struct ChangeSet {
    struct Row {
        var record: SandboxRecord
        var isNew = false
        var blueprint: [UInt8]?
    }

    struct Move {
        let serial: Int64
        let ordinal: Int32
        let transition: SandboxTransition
    }

    /// Changed records by serial, each once however often it changed.
    var rows: [Int64: Row] = [:]
    /// The serials of ``rows`` in the order of their first change.
    var order: [Int64] = []
    /// The serials of new records by id.
    var serials: [String: Int64] = [:]
    var removed: Set<Int64> = []
    var moves: [Move] = []
    var changes: [SandboxChange] = []
    var billing: [BillingEntry] = []
    var audit: [AuditEntry] = []
    var keys: [String: APIKey] = [:]
    var requests: [RequestKey: RequestLedger.Change] = [:]
    /// Billing and audit entries from before these moments go.
    var billingEnd: Timestamp?
    var auditEnd: Timestamp?

    var isEmpty: Bool {
        order.isEmpty && removed.isEmpty && billing.isEmpty && audit.isEmpty && keys.isEmpty && requests.isEmpty
            && billingEnd == nil && auditEnd == nil
    }

    mutating func set(_ row: Row) {
        let serial = row.record.serial
        if rows.updateValue(row, forKey: serial) == nil { order.append(serial) }
    }

    /// Adds what `later`, made on top of this, changes.
    mutating func merge(_ later: ChangeSet) {
        for serial in later.order {
            guard var row = later.rows[serial] else { continue }
            if let old = rows[serial] {
                row.isNew = old.isNew || row.isNew
                row.blueprint = old.blueprint ?? row.blueprint
            }
            set(row)
        }
        serials.merge(later.serials) { $1 }
        removed.formUnion(later.removed)
        moves += later.moves
        changes += later.changes
        billing += later.billing
        audit += later.audit
        keys.merge(later.keys) { $1 }
        requests.merge(later.requests) { $1 }
        billingEnd = later.billingEnd ?? billingEnd
        auditEnd = later.auditEnd ?? auditEnd
    }
}

extension Database {
    /// Writes every row of `set`; the caller has opened a transaction.
    func write(_ set: ChangeSet) throws(RegistryError) {
        for serial in set.order {
            guard let row = set.rows[serial] else { continue }
            if row.isNew { try insert(row.record, blueprint: row.blueprint) } else { try update(row.record) }
        }
        for move in set.moves { try insert(move.transition, ordinal: move.ordinal, sandbox: move.serial) }
        for entry in set.billing { try insert(entry) }
        for entry in set.audit { try insert(entry) }
        for key in set.keys.values { try write(key) }
        for (key, change) in set.requests { try write(key, change) }
        for serial in set.removed {
            try statement("DELETE FROM sandboxes WHERE serial = ?").run { $0.integer(serial) }
        }
        if let time = set.billingEnd {
            try statement("DELETE FROM billing WHERE stop_time < ?").run { $0.integer(time.microseconds) }
        }
        if let time = set.auditEnd {
            try statement("DELETE FROM audit WHERE time < ?").run { $0.integer(time.microseconds) }
        }
    }

    /// The counters as the last pruning left them, and what the rows themselves say.
    func readCounters() throws(RegistryError) -> Counters {
        func largest(_ name: String, _ sql: String) throws(RegistryError) -> Int64 {
            let kept = try integer("SELECT coalesce(max(value), 0) FROM counters WHERE name = '\(name)'")
            return max(kept, try integer(sql))
        }
        return Counters(
            serial: try largest("serial", "SELECT coalesce(max(serial), 0) FROM sandboxes"),
            sequence: try largest("sequence", "SELECT coalesce(max(revision), 0) FROM sandboxes"),
            billing: try largest("billing", "SELECT coalesce(max(serial), 0) FROM billing"))
    }

    func write(_ counters: Counters) throws(RegistryError) {
        let sql = """
            INSERT INTO counters (name, value) VALUES (?, ?)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """
        for (name, value) in [
            ("serial", counters.serial), ("sequence", counters.sequence), ("billing", counters.billing),
        ] {
            try statement(sql).run {
                $0.text(name)
                $0.integer(value)
            }
        }
    }
}

/// The last numbers that were given out.
struct Counters: Equatable {
    var serial: Int64
    var sequence: Int64
    var billing: Int64
}
