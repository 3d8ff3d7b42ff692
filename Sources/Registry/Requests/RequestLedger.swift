/// Names one request that a client may send twice. The scope keeps the requests of one caller and method apart from all others.
package struct RequestKey: Hashable, Sendable {
    package let scope: String
    package let requestID: String

    package static let textLimit = 256

    /// - Throws: ``RegistryError`` with code `invalidArgument` where a text is empty or longer than ``textLimit`` bytes.
    package init(scope: String, requestID: String) throws(RegistryError) {
        guard 1...Self.textLimit ~= scope.utf8.count, 1...Self.textLimit ~= requestID.utf8.count else {
            throw RegistryError(.invalidArgument, "a request_id has 1 to \(Self.textLimit) bytes")
        }
        self.scope = scope
        self.requestID = requestID
    }

    init(trusted scope: String, _ requestID: String) {
        self.scope = scope
        self.requestID = requestID
    }
}

/// What is known of a request that comes in.
package enum RequestClaim: Equatable, Sendable {
    /// Never seen, and now the caller's to do.
    case new
    /// Being done.
    case inProgress
    /// Begun before the server was restarted: whether it was done, nobody knows.
    case interrupted
    /// Done; this was the answer.
    case answered([UInt8])
}

/// How many requests are remembered, and for how long; the oldest go first.
package struct RequestLimits: Sendable {
    package var count = 65_536
    package var answerBytes = 64 << 20
    package var lifetimeSeconds: Int64 = 24 * 3600

    package init() {}
}

/// The requests that would be recognised if they came again. It belongs to the writer.
final class RequestLedger {
    struct Entry: Sendable {
        let createTime: Timestamp
        var answer: [UInt8]?
        /// Claimed by an earlier process.
        var isInherited = false
    }

    /// What a change set does to one request; `nil` forgets it.
    typealias Change = Entry?

    private var entries: [RequestKey: Entry] = [:]
    /// The keys in the order of their claims; forgotten ones stay until they come to the front.
    private var order: [RequestKey] = []
    private var front = 0
    private var answerBytes = 0
    private let limits: RequestLimits

    init(limits: RequestLimits) { self.limits = limits }

    var count: Int { entries.count }

    func entry(_ key: RequestKey) -> Entry? { entries[key] }

    func apply(_ key: RequestKey, _ change: Change) {
        let old = entries[key]
        answerBytes += (change?.answer?.count ?? 0) - (old?.answer?.count ?? 0)
        entries[key] = change
        if old == nil, change != nil { order.append(key) }
    }

    /// Takes out what is too old or too much at `time`.
    func expire(at time: Timestamp) -> [RequestKey] {
        var expired: [RequestKey] = []
        while front < order.count {
            let key = order[front]
            if let entry = entries[key] {
                let isTooOld = entry.createTime.advanced(bySeconds: limits.lifetimeSeconds) < time
                guard isTooOld || entries.count > limits.count || answerBytes > limits.answerBytes else { break }
                apply(key, nil)
                expired.append(key)
            }
            front += 1
        }
        if front > 1024, front > order.count / 2 {
            order.removeFirst(front)
            front = 0
        }
        return expired
    }
}

extension Database {
    func write(_ key: RequestKey, _ change: RequestLedger.Change) throws(RegistryError) {
        guard let entry = change else {
            try statement("DELETE FROM requests WHERE scope = ? AND request_id = ?").run {
                $0.text(key.scope)
                $0.text(key.requestID)
            }
            return
        }
        let sql = """
            INSERT INTO requests (scope, request_id, create_time, answer) VALUES (?, ?, ?, ?)
            ON CONFLICT (scope, request_id) DO UPDATE SET create_time = excluded.create_time, answer = excluded.answer
            """
        try statement(sql).run { row in
            row.text(key.scope)
            row.text(key.requestID)
            row.integer(entry.createTime.microseconds)
            row.blob(entry.answer)
        }
    }

    func readRequests(into ledger: RequestLedger) throws(RegistryError) {
        var found: [(RequestKey, RequestLedger.Entry)] = []
        try statement("SELECT scope, request_id, create_time, answer FROM requests ORDER BY create_time").query {
            row throws(RegistryError) in
            let key = RequestKey(trusted: try row.text(), try row.text())
            let time = Timestamp(microseconds: try row.integer())
            let answer = try row.optionalBlob()
            found.append((key, RequestLedger.Entry(createTime: time, answer: answer, isInherited: true)))
        }
        for (key, entry) in found { ledger.apply(key, entry) }
    }
}
