import GEM

/// Changes that are kept together or not at all.
///
/// It sees the registry as all earlier transactions have left it. What it changes is in memory until its body returns; the
/// file is written for a whole group of transactions at once. If the body throws, nothing of it remains. It must not leave
/// the body it was given to.
package final class RegistryTransaction {
    private let group: TransactionGroup
    private(set) var draft = ChangeSet()
    private(set) var counters: Counters
    /// When this transaction runs, by the registry's clock.
    package let time: Timestamp

    init(group: TransactionGroup, time: Timestamp) {
        self.group = group
        self.time = time
        counters = group.counters
    }

    // MARK: Sandboxes

    /// The sandbox called `id`; `nil` where there is none. Of several with the same id all but one are deleted.
    package func record(_ id: String) -> SandboxRecord? {
        if let serial = draft.serials[id] { return draft.rows[serial]?.record }
        guard let record = group.record(id), !draft.removed.contains(record.serial) else { return nil }
        return draft.rows[record.serial]?.record ?? record
    }

    /// Adds a sandbox in state `pending`.
    ///
    /// - Returns: Its record.
    /// - Throws: ``RegistryError`` with code `invalidArgument`, or `alreadyExists` unless an older one with this id is deleted.
    @discardableResult
    package func create(_ request: SandboxRequest) throws(RegistryError) -> SandboxRecord {
        try request.check()
        if let old = record(request.id), old.state != .deleted {
            throw RegistryError(
                .alreadyExists, "Sandbox \(request.id) already exists and is \(old.state.rawValue); choose another id")
        }
        counters.serial += 1
        var record = SandboxRecord(request, serial: counters.serial, createTime: time)
        let move = try record.apply(.create, at: time)
        draft.serials[record.id] = record.serial
        save(&record, move, blueprint: request.blueprint, isNew: true)
        return record
    }

    /// Makes a legal move, with its times, timers, history and billing entry.
    ///
    /// A stop with `auto_delete_seconds` 0 deletes at once.
    /// - Parameters:
    ///   - id: The sandbox.
    ///   - event: What happened to it.
    ///   - reason: Why, for people.
    /// - Returns: The record afterwards.
    /// - Throws: ``RegistryError`` with code `notFound` or `illegalMove`.
    @discardableResult
    package func move(
        _ id: String, by event: SandboxEvent, reason: String? = nil
    ) throws(RegistryError) -> SandboxRecord {
        var record = try existing(id)
        let move = try record.apply(event, at: time, reason: reason.map(Self.cut))
        save(&record, move)
        if move.to == .stopped, event != .archiveFailed {
            bill(record)
            if record.autoDeleteSeconds == 0 { return try self.move(id, by: .autoDelete) }
        }
        return record
    }

    /// Changes what is no move: host, phases, ports.
    ///
    /// - Returns: The record afterwards.
    /// - Throws: ``RegistryError`` with code `notFound`, or `invalidArgument` where a text or a list is too long.
    @discardableResult
    package func update(
        _ id: String, _ change: (inout SandboxRecord) -> Void
    ) throws(RegistryError) -> SandboxRecord {
        let old = try existing(id)
        var record = old
        change(&record)
        for index in record.phases.indices { record.phases[index].message = Self.cut(record.phases[index].message) }
        let texts = [record.isolation, record.hostID, record.hostName, record.hostIP] + record.phases.map(\.name)
        guard texts.allSatisfy({ $0.utf8.count <= SandboxRequest.textLimit }), record.phases.count <= 16,
            record.ports.count <= 256
        else {
            throw RegistryError(
                .invalidArgument,
                "a sandbox has at most 16 phases, 256 ports and \(SandboxRequest.textLimit) bytes a text")
        }
        guard record != old else { return record }
        save(&record, nil)
        return record
    }

    /// Writes down until when `id` may be idle; nobody is told.
    func extend(_ id: String, until time: Timestamp) {
        guard var record = record(id), record.state.isLive, record.autoStopTime != nil else { return }
        record.autoStopTime = time
        draft.set(ChangeSet.Row(record: record))
    }

    /// Forgets a deleted sandbox and its history. Its billing entries stay.
    func remove(_ record: SandboxRecord) {
        guard record.state == .deleted, draft.rows[record.serial] == nil, !group.isChanging(record.serial) else {
            return
        }
        draft.removed.insert(record.serial)
    }

    private func existing(_ id: String) throws(RegistryError) -> SandboxRecord {
        guard let record = record(id) else { throw RegistryError(.notFound, "Sandbox \(id) not found") }
        return record
    }

    private func save(
        _ record: inout SandboxRecord, _ move: SandboxTransition?, blueprint: [UInt8]? = nil, isNew: Bool = false
    ) {
        counters.sequence += 1
        record.revision = counters.sequence
        let known = draft.rows[record.serial]
        draft.set(
            ChangeSet.Row(
                record: record, isNew: isNew || known?.isNew == true, blueprint: blueprint ?? known?.blueprint))
        if let move {
            draft.moves.append(
                ChangeSet.Move(serial: record.serial, ordinal: record.moveCount - 1, transition: move))
        }
        draft.changes.append(
            SandboxChange(
                sequence: record.revision, id: record.id, event: move?.event,
                from: move == nil ? record.state : move?.from,
                to: record.state, time: time))
    }

    private func bill(_ record: SandboxRecord) {
        guard let startTime = record.startTime, let stopTime = record.stopTime else { return }
        counters.billing += 1
        draft.billing.append(
            BillingEntry(
                serial: counters.billing, sandbox: record.serial, sandboxID: record.id, userID: record.userID,
                experimentID: record.experimentID, namespace: record.namespace, cpus: record.cpus,
                memoryBytes: record.memoryBytes, startTime: startTime, stopTime: stopTime,
                line: group.billingLine(record)))
    }

    /// Messages come from tools whose output has no limit of its own.
    private static func cut(_ text: String) -> String {
        text.utf8.count <= 4096 ? text : String(decoding: text.utf8.prefix(4096), as: UTF8.self)
    }

    // MARK: Requests that may come twice

    /// Takes a request in hand, or tells what became of it.
    package func claim(_ key: RequestKey) -> RequestClaim {
        guard let entry = draft.requests[key] ?? group.request(key), let entry else {
            draft.requests[key] = .some(RequestLedger.Entry(createTime: time))
            return .new
        }
        if let answer = entry.answer { return .answered(answer) }
        return entry.isInherited ? .interrupted : .inProgress
    }

    /// The answer to a request, if it has been given and kept; claims nothing.
    package func answer(to key: RequestKey) -> [UInt8]? {
        (draft.requests[key] ?? group.request(key)).flatMap { $0?.answer }
    }

    /// The longest answer that is kept, in bytes.
    package static let answerLimit = 1 << 20

    /// Keeps the answer to a claimed request.
    ///
    /// - Throws: ``RegistryError`` with code `invalidArgument` where it is longer than ``answerLimit``.
    package func answer(_ key: RequestKey, _ answer: [UInt8]) throws(RegistryError) {
        guard answer.count <= Self.answerLimit else {
            throw RegistryError(
                .invalidArgument, "the answer to request \(key.requestID) has more than \(Self.answerLimit) bytes")
        }
        let known = (draft.requests[key] ?? group.request(key)).flatMap(\.self)
        draft.requests[key] = .some(RequestLedger.Entry(createTime: known?.createTime ?? time, answer: answer))
    }

    /// Lets a claimed request be tried again.
    package func forget(_ key: RequestKey) { draft.requests[key] = .some(nil) }

    // MARK: Keys and the audit log

    /// Makes an API key.
    ///
    /// - Returns: The key, and the token to show once: it is kept nowhere.
    /// - Throws: ``RegistryError`` with code `invalidArgument`.
    package func createKey(
        name: String, scope: APIScope, namespaces: [String] = []
    ) throws(RegistryError) -> (key: APIKey, token: String) {
        let made = try APIKey.make(name: name, scope: scope, namespaces: namespaces, at: time)
        guard self.key(made.key.id) == nil else {
            return try createKey(name: name, scope: scope, namespaces: namespaces)
        }
        draft.keys[made.key.id] = made.key
        return made
    }

    /// Makes a key useless for ever; doing it again changes nothing.
    ///
    /// - Throws: ``RegistryError`` with code `notFound`.
    package func revokeKey(_ id: String) throws(RegistryError) {
        guard var key = key(id) else { throw RegistryError(.notFound, "API key \(id) not found") }
        guard key.revokeTime == nil else { return }
        key.revokeTime = time
        draft.keys[id] = key
    }

    /// Writes down when a key was last used.
    func noteUse(_ used: APIKey) {
        guard var key = key(used.id) else { return }
        key.lastUsedTime = used.lastUsedTime
        draft.keys[used.id] = key
    }

    private func key(_ id: String) -> APIKey? { draft.keys[id] ?? group.key(id) }

    /// Adds an entry to the audit log.
    package func audit(actor: String, action: String, subject: String, outcome: String, detail: String = "") {
        draft.audit.append(
            AuditEntry(
                time: time, actor: actor, action: action, subject: subject, outcome: outcome, detail: detail))
    }

    /// Removes billing and audit entries from before a moment.
    func removeLog(billingBefore: Timestamp?, auditBefore: Timestamp?) {
        draft.billingEnd = billingBefore
        draft.auditEnd = auditBefore
    }
}

/// The transactions that reach the disk together, on top of what is in memory.
final class TransactionGroup {
    private(set) var set = ChangeSet()
    private(set) var counters: Counters
    private let memory: RegistryMemory
    private let ledger: RequestLedger
    private let times: TimeFormat

    init(memory: RegistryMemory, ledger: RequestLedger, counters: Counters, times: TimeFormat) {
        self.memory = memory
        self.ledger = ledger
        self.counters = counters
        self.times = times
    }

    /// Keeps what `transaction` changes.
    func absorb(_ transaction: RegistryTransaction) {
        set.merge(transaction.draft)
        counters = transaction.counters
    }

    /// Adds what the writer itself has to change.
    func forget(_ keys: [RequestKey]) { for key in keys { set.requests[key] = .some(nil) } }

    func record(_ id: String) -> SandboxRecord? {
        if let serial = set.serials[id] { return set.rows[serial]?.record }
        guard let record = memory.record(id), !set.removed.contains(record.serial) else { return nil }
        return set.rows[record.serial]?.record ?? record
    }

    func isChanging(_ serial: Int64) -> Bool { set.rows[serial] != nil }

    func key(_ id: String) -> APIKey? { set.keys[id] ?? memory.keys.key(id) }

    /// What is known of a request; outer `nil` where nothing is, inner where it was forgotten.
    func request(_ key: RequestKey) -> RequestLedger.Change? {
        if let change = set.requests[key] { return change }
        return ledger.entry(key).map { .some($0) }
    }

    func billingLine(_ record: SandboxRecord) -> String {
        var writer = JSONWriter()
        record.writeInfo(times: times, to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
