extension Database {
    func insert(_ entry: AuditEntry) throws(RegistryError) {
        let sql = "INSERT INTO audit (time, actor, action, subject, outcome, detail) VALUES (?, ?, ?, ?, ?, ?)"
        try statement(sql).run { row in
            row.integer(entry.time.microseconds)
            row.text(entry.actor)
            row.text(entry.action)
            row.text(entry.subject)
            row.text(entry.outcome)
            row.text(entry.detail)
        }
    }

    /// The latest `limit` entries before `time`, youngest first.
    func readAudit(before time: Timestamp, limit: Int) throws(RegistryError) -> [AuditEntry] {
        let sql = """
            SELECT time, actor, action, subject, outcome, detail FROM audit WHERE time < ?
            ORDER BY time DESC, serial DESC LIMIT ?
            """
        var entries: [AuditEntry] = []
        try statement(sql).query {
            $0.integer(time.microseconds)
            $0.integer(limit)
        } read: { row throws(RegistryError) in
            let time = Timestamp(microseconds: try row.integer())
            entries.append(
                AuditEntry(
                    time: time, actor: try row.text(), action: try row.text(), subject: try row.text(),
                    outcome: try row.text(), detail: try row.text()))
        }
        return entries
    }

    func insert(_ entry: BillingEntry) throws(RegistryError) {
        let sql = """
            INSERT INTO billing (serial, sandbox, sandbox_id, user_id, experiment_id, namespace, cpus, memory_bytes,
            start_time, stop_time, line) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        try statement(sql).run { row in
            row.integer(entry.serial)
            row.integer(entry.sandbox)
            row.text(entry.sandboxID)
            row.text(entry.userID)
            row.text(entry.experimentID)
            row.text(entry.namespace)
            row.real(entry.cpus)
            row.integer(entry.memoryBytes)
            row.integer(entry.startTime.microseconds)
            row.integer(entry.stopTime.microseconds)
            row.text(entry.line)
        }
    }

    /// The first `limit` entries behind `serial`, oldest first.
    func readBilling(after serial: Int64, limit: Int) throws(RegistryError) -> [BillingEntry] {
        let sql = """
            SELECT serial, sandbox, sandbox_id, user_id, experiment_id, namespace, cpus, memory_bytes, start_time,
            stop_time, line FROM billing WHERE serial > ? ORDER BY serial LIMIT ?
            """
        var entries: [BillingEntry] = []
        try statement(sql).query {
            $0.integer(serial)
            $0.integer(limit)
        } read: { row throws(RegistryError) in
            entries.append(
                BillingEntry(
                    serial: try row.integer(), sandbox: try row.integer(), sandboxID: try row.text(),
                    userID: try row.text(), experimentID: try row.text(), namespace: try row.text(),
                    cpus: try row.real(), memoryBytes: try row.integer(),
                    startTime: Timestamp(microseconds: try row.integer()),
                    stopTime: Timestamp(microseconds: try row.integer()), line: try row.text()))
        }
        return entries
    }
}
