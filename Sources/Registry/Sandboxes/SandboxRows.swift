/// Moves records between memory and their table.
extension Database {
    private static let fixed = [
        "serial", "id", "image", "user_id", "experiment_id", "namespace", "cluster_name", "driver", "cpus",
        "limit_cpus", "memory_bytes", "num_gpus", "accelerator_type", "disk", "disk_limit_rootfs", "auth_token",
        "authorization_encrypted", "gray_flag", "auto_clear_seconds", "auto_archive_seconds", "auto_delete_seconds",
        "create_time",
    ]
    private static let changing = [
        "revision", "state", "isolation", "host_id", "host_name", "host_ip", "phases", "port_mapping", "metadata",
        "reason",
        "start_time", "stop_time", "archive_time", "delete_time", "auto_stop_time", "auto_archive_time",
        "auto_delete_time",
    ]

    private static let insert = {
        let columns = fixed + changing + ["blueprint"]
        let places = columns.map { _ in "?" }
        return "INSERT INTO sandboxes (\(columns.joined(separator: ", "))) VALUES (\(places.joined(separator: ", ")))"
    }()
    private static let update =
        "UPDATE sandboxes SET \(changing.map { "\($0) = ?" }.joined(separator: ", ")) WHERE serial = ?"
    private static let select =
        "SELECT \((fixed + changing).joined(separator: ", ")) FROM sandboxes ORDER BY serial"

    /// Adds the row of a new sandbox.
    func insert(_ record: SandboxRecord, blueprint: [UInt8]?) throws(RegistryError) {
        try statement(Self.insert).run { row in
            record.bindFixed(to: &row)
            record.bindChanging(to: &row)
            row.blob(blueprint)
        }
    }

    /// Writes what may have changed of a sandbox that has a row.
    func update(_ record: SandboxRecord) throws(RegistryError) {
        try statement(Self.update).run { row in
            record.bindChanging(to: &row)
            row.integer(record.serial)
        }
        guard changedRows == 1 else {
            throw RegistryError(.corrupt, "\(path): the row of sandbox \(record.id) is gone; restore a backup")
        }
    }

    /// Adds one move to the history of the sandbox with `serial`.
    func insert(_ move: SandboxTransition, ordinal: Int32, sandbox serial: Int64) throws(RegistryError) {
        let sql = """
            INSERT INTO transitions (sandbox, ordinal, from_state, to_state, event, time)
            VALUES (?, ?, ?, ?, ?, ?)
            """
        try statement(sql).run { row in
            row.integer(serial)
            row.integer(ordinal)
            row.text(move.from?.rawValue)
            row.text(move.to.rawValue)
            row.text(move.event.rawValue)
            row.integer(move.time.microseconds)
        }
    }

    /// Shows every record with its latest moves to `body`, in the order of creation.
    ///
    /// - Throws: ``RegistryError`` with code `corrupt` where a row is not what this program writes.
    func readSandboxes(_ body: (SandboxRecord) throws(RegistryError) -> Void) throws(RegistryError) {
        let moves = try MoveReader(self)
        try statement(Self.select).query { row throws(RegistryError) in
            var record = try SandboxRecord(&row)
            try moves.read(into: &record)
            try body(record)
        }
    }

    /// All moves of the sandbox with `serial`, oldest first.
    func moves(of serial: Int64) throws(RegistryError) -> [SandboxTransition] {
        var moves: [SandboxTransition] = []
        let sql = "SELECT from_state, to_state, event, time FROM transitions WHERE sandbox = ? ORDER BY ordinal"
        try statement(sql).query {
            $0.integer(serial)
        } read: { row throws(RegistryError) in
            moves.append(try SandboxTransition(&row))
        }
        return moves
    }

    /// The blueprint of the sandbox with `serial`.
    func blueprint(of serial: Int64) throws(RegistryError) -> [UInt8]? {
        var blueprint: [UInt8]?
        try statement("SELECT blueprint FROM sandboxes WHERE serial = ?").query {
            $0.integer(serial)
        } read: {
            row throws(RegistryError) in
            blueprint = try row.optionalBlob()
        }
        return blueprint
    }
}

extension SandboxRecord {
    fileprivate func bindFixed(to row: inout Statement.Bindings) {
        row.integer(serial)
        row.text(id)
        row.text(image)
        row.text(userID)
        row.text(experimentID)
        row.text(namespace)
        row.text(clusterName)
        row.text(driver)
        row.real(cpus)
        row.real(limitCPUs)
        row.integer(memoryBytes)
        row.real(numGPUs)
        row.text(acceleratorType)
        row.text(disk)
        row.text(diskLimitRootfs)
        row.text(authToken)
        row.text(authorizationEncrypted)
        row.bool(createUserGrayFlag)
        row.integer(autoClearSeconds)
        row.integer(autoArchiveSeconds)
        row.integer(autoDeleteSeconds)
        row.integer(createTime.microseconds)
    }

    fileprivate func bindChanging(to row: inout Statement.Bindings) {
        row.integer(revision)
        row.text(state.rawValue)
        row.text(isolation)
        row.text(hostID)
        row.text(hostName)
        row.text(hostIP)
        row.text(SandboxColumns.text(phases: phases))
        row.text(SandboxColumns.text(ports: ports))
        row.text(SandboxColumns.text(labels: labels))
        row.text(reason)
        row.integer(startTime?.microseconds)
        row.integer(stopTime?.microseconds)
        row.integer(archiveTime?.microseconds)
        row.integer(deleteTime?.microseconds)
        row.integer(autoStopTime?.microseconds)
        row.integer(autoArchiveTime?.microseconds)
        row.integer(autoDeleteTime?.microseconds)
    }

    /// Reads the columns in the order in which they are bound.
    fileprivate init(_ row: inout Statement.Row) throws(RegistryError) {
        var request = SandboxRequest(id: "")
        let serial = try row.integer()
        request.id = try row.text()
        request.image = try row.text()
        request.userID = try row.text()
        request.experimentID = try row.text()
        request.namespace = try row.text()
        request.clusterName = try row.text()
        request.driver = try row.text()
        request.cpus = try row.real()
        request.limitCPUs = try row.optionalReal()
        request.memoryBytes = try row.integer()
        request.numGPUs = try row.optionalReal()
        request.acceleratorType = try row.optionalText()
        request.disk = try row.optionalText()
        request.diskLimitRootfs = try row.optionalText()
        request.authToken = try row.optionalText()
        request.authorizationEncrypted = try row.optionalText()
        request.createUserGrayFlag = try row.optionalBool()
        request.autoClearSeconds = try row.optionalSeconds()
        request.autoArchiveSeconds = try row.optionalSeconds()
        request.autoDeleteSeconds = try row.optionalSeconds()
        let createTime = Timestamp(microseconds: try row.integer())
        self.init(request, serial: serial, createTime: createTime)
        revision = try row.integer()
        state = try row.value("state") { SandboxState(rawValue: $0) }
        isolation = try row.text()
        hostID = try row.text()
        hostName = try row.text()
        hostIP = try row.text()
        phases = try row.value("phases", SandboxColumns.phases)
        ports = try row.value("ports", SandboxColumns.ports)
        labels = try row.value("labels", SandboxColumns.labels)
        reason = try row.optionalText()
        startTime = try row.optionalTime()
        stopTime = try row.optionalTime()
        archiveTime = try row.optionalTime()
        deleteTime = try row.optionalTime()
        autoStopTime = try row.optionalTime()
        autoArchiveTime = try row.optionalTime()
        autoDeleteTime = try row.optionalTime()
    }
}

extension SandboxTransition {
    /// Reads the columns `from_state`, `to_state`, `event` and `time`.
    fileprivate init(_ row: inout Statement.Row) throws(RegistryError) {
        let text = try row.optionalText()
        from = text.flatMap(SandboxState.init)
        if text != nil, from == nil { throw row.damaged(expected: "state") }
        to = try row.value("state") { SandboxState(rawValue: $0) }
        event = try row.value("event") { SandboxEvent(rawValue: $0) }
        time = Timestamp(microseconds: try row.integer())
    }
}

extension Statement.Row {
    fileprivate mutating func optionalSeconds() throws(RegistryError) -> Int32? {
        guard let value = try optionalInteger() else { return nil }
        guard let seconds = Int32(exactly: value) else { throw damaged(expected: "seconds") }
        return seconds
    }

    mutating func optionalTime() throws(RegistryError) -> Timestamp? {
        try optionalInteger().map { Timestamp(microseconds: $0) }
    }

    /// Reads a text that `make` must be able to turn into a value.
    mutating func value<Value>(_ name: String, _ make: (String) -> Value?) throws(RegistryError) -> Value {
        guard let value = make(try text()) else { throw damaged(expected: name) }
        return value
    }
}

/// Reads the moves of all sandboxes beside the records: both come in the order of the serials, so one pass is enough.
private final class MoveReader {
    private let cursor: Cursor
    private var next: (serial: Int64, ordinal: Int32, move: SandboxTransition)?

    init(_ database: Database) throws(RegistryError) {
        let sql =
            "SELECT from_state, to_state, event, time, sandbox, ordinal FROM transitions ORDER BY sandbox, ordinal"
        cursor = try Cursor(sql, on: database)
        try advance()
    }

    private func advance() throws(RegistryError) {
        next = try cursor.next { row throws(RegistryError) in
            let move = try SandboxTransition(&row)
            return (try row.integer(), try row.integer(as: Int32.self), move)
        }
    }

    /// Gives `record` its moves, of which there must be all, ending in the record's state.
    func read(into record: inout SandboxRecord) throws(RegistryError) {
        while let (serial, ordinal, move) = next, serial == record.serial {
            guard ordinal == record.moveCount, move.from == record.history.last?.to else {
                throw damaged(record)
            }
            record.history.append(move)
            if record.history.count > SandboxRecord.historyLimit { record.history.removeFirst() }
            record.moveCount += 1
            try advance()
        }
        guard record.history.last?.to == record.state else { throw damaged(record) }
    }

    private func damaged(_ record: SandboxRecord) -> RegistryError {
        RegistryError(.corrupt, "the history of sandbox \(record.id) does not lead to its state; restore a backup")
    }
}
