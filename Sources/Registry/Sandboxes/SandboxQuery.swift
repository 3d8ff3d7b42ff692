/// Which sandboxes to list, and which page of them.
package struct SandboxQuery: Sendable {
    /// Any of these states; `nil` is every state.
    package var states: Set<SandboxState>?
    /// Members of the stored record, by wire name, that must equal a text exactly. A name that the record does not have is a
    /// label's; numbers equal no text.
    package var members: [(name: String, text: String)] = []
    /// Any of these namespaces; `nil` is every namespace. For callers that may see only their own.
    package var namespaces: Set<String>?
    /// Created at or after this moment.
    package var createdFrom: Timestamp?
    /// Created before this moment.
    package var createdBefore: Timestamp?
    /// How many to skip.
    package var offset = 0
    /// How many to answer at most, 1 to ``limitMaximum``.
    package var limit = 500
    package var isNewestFirst = false

    package init() {}

    package static let limitMaximum = 10_000
    /// Filters in one query: each costs a sweep.
    package static let memberMaximum = 16

    func check() throws(RegistryError) {
        guard 1...Self.limitMaximum ~= limit else {
            throw RegistryError(.invalidArgument, "a page has 1 to \(Self.limitMaximum) sandboxes, not \(limit)")
        }
        guard offset >= 0 else { throw RegistryError(.invalidArgument, "a page cannot begin before the first sandbox") }
        guard members.count <= Self.memberMaximum else {
            throw RegistryError(
                .invalidArgument, "a listing takes at most \(Self.memberMaximum) filters, not \(members.count)")
        }
    }
}

/// One page of a listing, in the order of creation (or backwards).
package struct SandboxPage: Sendable {
    package let records: [SandboxRecord]
    /// How many sandboxes the filters let through, on all pages.
    package let total: Int
    /// Whether there are sandboxes behind this page.
    package let hasMore: Bool
}

extension SandboxTable {
    /// The page that `query` asks for; `times` is how moments are written where a filter names one.
    func page(_ query: SandboxQuery, times: TimeFormat) -> SandboxPage {
        let slots = self.slots(query, times: times)
        let begin = min(query.offset, slots.count)
        let end = min(begin + query.limit, slots.count)
        let records = (begin..<end).compactMap { place in
            record(at: Int(slots[query.isNewestFirst ? slots.count - 1 - place : place]))
        }
        return SandboxPage(records: records, total: slots.count, hasMore: end < slots.count)
    }

    /// The slots that pass every filter, ascending.
    private func slots(_ query: SandboxQuery, times: TimeFormat) -> ContiguousArray<UInt32> {
        var stateBits = query.states.map { $0.reduce(UInt8(0)) { $0 | Self.bit($1) } } ?? .max
        var codes: [(Column, Set<UInt32>)] = []
        var labels: [SandboxLabel] = []
        var others: [(name: String, text: String)] = []
        var id: String?
        for (name, text) in query.members {
            if name == "state" {
                stateBits &= SandboxState(rawValue: text).map(Self.bit) ?? 0
            } else if name == "sandbox_id" {
                guard id == nil || id == text else { return [] }
                id = text
            } else if let column = Column(name: name) {
                codes.append((column, Set([self.column(column).code(of: text)].compactMap(\.self))))
            } else if Self.recordMembers.contains(name) {
                others.append((name, text))
            } else {
                labels.append(SandboxLabel(name: name, value: text))
            }
        }
        if let namespaces = query.namespaces {
            codes.append((.namespace, Set(namespaces.compactMap { column(.namespace).code(of: $0) })))
        }
        var slots = candidates(id, labels, stateBits)
        for (column, wanted) in codes { keep(&slots, column: column, wanted) }
        if query.createdFrom != nil || query.createdBefore != nil {
            let first = query.createdFrom?.microseconds ?? .min
            let end = query.createdBefore?.microseconds ?? .max
            slots.removeAll { !(createTimes[Int($0)] >= first && createTimes[Int($0)] < end) }
        }
        if !others.isEmpty {
            slots.removeAll { slot in
                guard let record = record(at: Int(slot)) else { return true }
                return !others.allSatisfy { record.text(of: $0.name, times: times) == $0.text }
            }
        }
        return slots
    }

    /// Members that are looked up in the record itself, because few filter by them.
    private static let recordMembers: Set<String> = [
        "isolation", "host_id", "host_name", "memory", "disk", "accelerator_type", "create_time",
        "start_time", "stop_time",
    ]

    /// Where to begin: the one that an id names, the fewest that carry one of the labels, or all.
    private func candidates(
        _ id: String?, _ labels: [SandboxLabel], _ stateBits: UInt8
    ) -> ContiguousArray<UInt32> {
        if let id {
            guard let slot = slot(of: id), states[slot] & stateBits != 0, carries(UInt32(slot), labels) else {
                return []
            }
            return [UInt32(slot)]
        }
        guard let fewest = labels.map({ labelled[$0] ?? [] }).min(by: { $0.count < $1.count }) else {
            var slots = ContiguousArray<UInt32>()
            slots.reserveCapacity(count)
            for slot in states.indices where states[slot] & stateBits != 0 { slots.append(UInt32(slot)) }
            return slots
        }
        return fewest.filter { slot in
            states[Int(slot)] & stateBits != 0 && (labels.count == 1 || carries(slot, labels))
        }
    }

    private func carries(_ slot: UInt32, _ labels: [SandboxLabel]) -> Bool {
        guard let record = record(at: Int(slot)) else { return false }
        return labels.allSatisfy { record.labels.contains($0) }
    }

    private func keep(_ slots: inout ContiguousArray<UInt32>, column: Column, _ wanted: Set<UInt32>) {
        let codes = self.column(column).codes
        if wanted.count == 1, let code = wanted.first {
            slots.removeAll { codes[Int($0)] != code }
        } else {
            slots.removeAll { !wanted.contains(codes[Int($0)]) }
        }
    }
}
