import Synchronization

/// The latest changes, in a ring that all readers share.
///
/// A reader is a place in the ring, so a slow one costs nothing: when the ring has gone round, it is told what it missed.
final class ChangeFeed: Sendable {
    private struct Waiter {
        /// Only this sandbox's changes; `nil` is every sandbox's.
        let id: String?
        let continuation: CheckedContinuation<SandboxChangeNotice?, Never>
    }

    private struct State {
        /// Each change at its sequence number modulo the ring's length.
        var ring: [SandboxChange?]
        /// How many changes are in the ring: the latest ones.
        var held = 0
        /// The sequence number of the last change ever.
        var latest: Int64
        var isClosed = false
        var waiters: [Int64: Waiter] = [:]
        var waitersOf: [String: Set<Int64>] = [:]
        var waitersOfAll: Set<Int64> = []

        mutating func take(_ token: Int64) -> Waiter? {
            guard let waiter = waiters.removeValue(forKey: token) else { return nil }
            if let id = waiter.id {
                waitersOf[id]?.remove(token)
                if waitersOf[id]?.isEmpty == true { waitersOf[id] = nil }
            } else {
                waitersOfAll.remove(token)
            }
            return waiter
        }

        mutating func add(_ waiter: Waiter, _ token: Int64) {
            waiters[token] = waiter
            if let id = waiter.id { waitersOf[id, default: []].insert(token) } else { waitersOfAll.insert(token) }
        }
    }

    private let state: Guarded<State>
    private let capacity: Int
    private let tokens = Atomic<Int64>(0)

    /// - Parameters:
    ///   - latest: The sequence number of the last change before this feed began.
    ///   - capacity: How many changes are remembered.
    init(latest: Int64, capacity: Int) {
        self.capacity = max(capacity, 1)
        state = Guarded(State(ring: [SandboxChange?](repeating: nil, count: max(capacity, 1)), latest: latest))
    }

    /// The sequence number of the last change.
    var latest: Int64 { state.withLock { $0.latest } }

    /// Appends `changes`, whose sequence numbers follow on the latest, and wakes whoever waits for one of them.
    func publish(_ changes: [SandboxChange]) {
        guard !changes.isEmpty else { return }
        var woken: [(Waiter, SandboxChange)] = []
        state.withLock { state in
            for change in changes {
                state.ring[place(change.sequence)] = change
                state.held = min(state.held + 1, capacity)
                state.latest = change.sequence
                for token in state.waitersOf[change.id, default: []].union(state.waitersOfAll) {
                    if let waiter = state.take(token) { woken.append((waiter, change)) }
                }
            }
        }
        for (waiter, change) in woken { waiter.continuation.resume(returning: .change(change)) }
    }

    private func place(_ sequence: Int64) -> Int { Int(sequence % Int64(capacity)) }

    /// Ends every reading.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { (state.waiters, state.waitersOf, state.waitersOfAll) = ([:], [:], []) }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    /// The first notice behind `sequence`, now or when there is one.
    ///
    /// - Parameters:
    ///   - sequence: What the reader has seen; the number of a future change counts as the latest.
    ///   - id: Only this sandbox's changes.
    /// - Returns: `nil` once the task is cancelled or the feed closed.
    func next(after sequence: Int64, of id: String?) async -> SandboxChangeNotice? {
        let token = tokens.wrappingAdd(1, ordering: .relaxed).newValue
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (answer, isWaiting): (SandboxChangeNotice?, Bool) = state.withLock { state in
                    // Looked at under the lock: a cancellation from now on finds the waiter.
                    if state.isClosed || Task.isCancelled { return (nil, false) }
                    if let notice = find(after: sequence, of: id, in: state) { return (notice, false) }
                    state.add(Waiter(id: id, continuation: continuation), token)
                    return (nil, true)
                }
                if !isWaiting { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.take(token) }?.continuation.resume(returning: nil)
        }
    }

    private func find(after sequence: Int64, of id: String?, in state: State) -> SandboxChangeNotice? {
        guard sequence < state.latest else { return nil }
        guard sequence >= state.latest - Int64(state.held) else { return .missed(through: state.latest) }
        for wanted in (sequence + 1)...state.latest {
            guard let change = state.ring[place(wanted)] else { return .missed(through: state.latest) }
            if id == nil || change.id == id { return .change(change) }
        }
        return nil
    }
}

/// The changes behind a sequence number, as they happen; ends when the reading task is cancelled or the registry closes.
package struct SandboxChanges: AsyncSequence, Sendable {
    package typealias Element = SandboxChangeNotice
    package typealias Failure = Never

    let feed: ChangeFeed
    let sequence: Int64
    let id: String?

    package func makeAsyncIterator() -> Iterator { Iterator(feed: feed, sequence: sequence, id: id) }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let feed: ChangeFeed
        fileprivate var sequence: Int64
        fileprivate let id: String?

        package mutating func next() async -> SandboxChangeNotice? {
            guard let notice = await feed.next(after: sequence, of: id) else { return nil }
            sequence = notice.sequence
            return notice
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> SandboxChangeNotice? {
            await next()
        }
    }
}
