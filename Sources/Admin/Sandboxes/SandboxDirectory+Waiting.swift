import GEM
import Registry

extension SandboxDirectory {
    /// A start that is over within a second is over when its client hears of it. ROCK's clients look once and then
    /// every three seconds only, so a sandbox that is up a moment later would cost them three.
    ///
    /// - Parameters:
    ///   - record: A sandbox that was told to start.
    ///   - caller: Who asks.
    /// - Returns: The record as it is then.
    func briefly(_ record: SandboxRecord, for caller: SandboxCaller) async -> SandboxRecord {
        guard record.state == .pending else { return record }
        let others = Set(SandboxState.allCases).subtracting([.pending])
        return (try? await wait(for: record.id, until: others, timeout: .seconds(1), caller)) ?? record
    }

    /// Waits until a sandbox is in one of `states`.
    ///
    /// - Parameters:
    ///   - id: The sandbox.
    ///   - states: What to wait for.
    ///   - timeout: How long at most; the record is answered as it is then.
    ///   - caller: Who asks.
    /// - Returns: The record, as soon as its state is wanted or the time is over.
    /// - Throws: ``Failure`` of kind `unknownSandbox` where there is none, or none any more.
    func wait(
        for id: String, until states: Set<SandboxState>, timeout: Duration, _ caller: SandboxCaller
    ) async throws(Failure) -> SandboxRecord {
        let registry = try registry()
        // Looked at first: a change after this is not missed.
        let sequence = registry.latestChange
        let first = try record(id, for: caller)
        // Nothing comes after `deleted`.
        let ends = states.union([.deleted])
        if ends.contains(first.state) { return first }
        let end = clock.now().advanced(by: timeout)
        await clock.run(until: end) {
            for await _ in registry.changes(since: sequence, of: id) {
                guard let state = registry.record(id)?.state, !ends.contains(state) else { return }
            }
        }
        return try record(id, for: caller)
    }

    /// The changes of all sandboxes that `caller` sees, behind `sequence`; `nil` begins with what happens from now on.
    func events(since sequence: Int64?, for caller: SandboxCaller) throws(Failure) -> SandboxEvents {
        let registry = try registry()
        let changes = registry.changes(since: sequence ?? registry.latestChange)
        return SandboxEvents(registry: registry, changes: changes, caller: caller)
    }

    /// The changes behind `sequence`, as soon as there is one or the time is over.
    ///
    /// - Returns: At most `limit` changes, and where to go on.
    func changes(
        since sequence: Int64, limit: Int, timeout: Duration, for caller: SandboxCaller
    ) async throws(Failure) -> (events: [[UInt8]], next: Int64) {
        let registry = try registry()
        let end = clock.now().advanced(by: timeout)
        let before = registry.latestChange
        return await clock.run(until: end) {
            var iterator = SandboxEvents(
                registry: registry, changes: registry.changes(since: sequence), caller: caller
            ).makeAsyncIterator()
            var events: [[UInt8]] = []
            var next = min(sequence, before)
            // What there is already comes without waiting; the first of what is yet to come ends it.
            while events.count < limit, events.isEmpty || next < before, let event = await iterator.next() {
                events.append(event)
                next = iterator.sequence
            }
            return (events, max(next, iterator.sequence))
        }
    }
}

extension Timestamp {
    /// The moment `duration` later.
    func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let later = advanced(bySeconds: seconds)
        return Timestamp(
            microseconds: later.microseconds.addingReportingOverflow(attoseconds / 1_000_000_000_000).partialValue)
    }
}

/// Changes of sandboxes as JSON objects, one each: `{"sequence", "sandbox_id", "event", "from_state", "to_state", "timestamp"}`;
/// `{"sequence", "missed": true}` where the reader was too slow and should look at the sandboxes anew.
struct SandboxEvents: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = Never

    let registry: SandboxRegistry
    let changes: SandboxChanges
    let caller: SandboxCaller

    func makeAsyncIterator() -> Iterator {
        Iterator(registry: registry, caller: caller, changes: changes.makeAsyncIterator())
    }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let registry: SandboxRegistry
        fileprivate let caller: SandboxCaller
        fileprivate var changes: SandboxChanges.Iterator
        /// Where to go on reading after the last element.
        private(set) var sequence: Int64 = 0

        mutating func next() async -> [UInt8]? { await next(isolation: #isolation) }

        mutating func next(isolation actor: isolated (any Actor)?) async -> [UInt8]? {
            while let notice = await changes.next(isolation: actor) {
                sequence = notice.sequence
                if let event = event(notice) { return event }
            }
            return nil
        }

        private func event(_ notice: SandboxChangeNotice) -> [UInt8]? {
            var writer = JSONWriter()
            writer.beginObject()
            writer.name("sequence")
            writer.integer(notice.sequence)
            switch notice {
            case .missed:
                writer.name("missed")
                writer.bool(true)
            case .change(let change):
                // A sandbox that is forgotten by now is nobody's.
                guard let record = registry.record(change.id), caller.sees(record.namespace) else { return nil }
                write(change, to: &writer)
            }
            writer.endObject()
            return writer.bytes
        }

        private func write(_ change: SandboxChange, to writer: inout JSONWriter) {
            writer.name("sandbox_id")
            writer.string(change.id)
            writer.name("event")
            if let event = change.event { writer.string(event.rawValue) } else { writer.null() }
            writer.name("from_state")
            if let from = change.from { writer.string(from.rawValue) } else { writer.null() }
            writer.name("to_state")
            writer.string(change.to.rawValue)
            writer.name("timestamp")
            registry.times.write(change.time, to: &writer)
        }
    }
}
