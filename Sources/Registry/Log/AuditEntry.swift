/// One thing that somebody did, or was refused.
package struct AuditEntry: Equatable, Sendable {
    package let time: Timestamp
    /// Who: a key's id, or what stands for one.
    package let actor: String
    /// What was asked for: `sandbox.stop`.
    package let action: String
    /// On what: a sandbox's id.
    package let subject: String
    /// How it ended: `ok`, or the failure's name.
    package let outcome: String
    package let detail: String

    /// Longer texts are cut here, in bytes of UTF-8: some of them come from clients who have not shown a key.
    package static let textLimit = 1024

    package init(
        time: Timestamp, actor: String, action: String, subject: String, outcome: String, detail: String = ""
    ) {
        self.time = time
        self.actor = Self.cut(actor)
        self.action = Self.cut(action)
        self.subject = Self.cut(subject)
        self.outcome = Self.cut(outcome)
        self.detail = Self.cut(detail)
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > textLimit else { return text }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: textLimit)
        // Back to where a character begins.
        while String.Index(end, within: text) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}

/// What a stopped sandbox used, as it is billed.
package struct BillingEntry: Equatable, Sendable {
    /// Counts billing entries; where to go on reading.
    package internal(set) var serial: Int64 = 0
    /// The sandbox's serial number.
    package let sandbox: Int64
    package let sandboxID: String
    package let userID: String
    package let experimentID: String
    package let namespace: String
    package let cpus: Double
    package let memoryBytes: Int64
    package let startTime: Timestamp
    package let stopTime: Timestamp
    /// The stored record as JSON on one line, for the billing log.
    package let line: String
}
