import GEM
import SandboxHost
import Synchronization

/// Answers by request id, so that a client that repeats a request gets the first answer instead of a second effect.
///
/// A repeat that comes while the first is still running waits for it. Failures are not remembered, whoever they come from:
/// a repeat after one tries again.
final class RememberedAnswers: Sendable {
    fileprivate enum Entry {
        case running(waiting: [CheckedContinuation<Outcome, Never>])
        case done(Reply)
    }

    fileprivate typealias Outcome = Result<Reply, Failure>

    fileprivate struct State {
        var entries: [String: Entry] = [:]
        /// Finished ids, oldest first, from `oldest` on.
        var finished: [String] = []
        var oldest = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: Finished answers to keep; the oldest goes first.
    init(capacity: Int) { self.capacity = capacity }

    /// The answer to the request called `id`: `work`'s, or what an earlier call with that id got.
    func answer(
        to id: String, work: () async throws(Failure) -> Reply
    ) async throws(Failure) -> Reply {
        if let earlier = await earlierOutcome(of: id) { return try earlier.get() }
        let outcome: Outcome
        do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
        finish(id, with: outcome)
        return try outcome.get()
    }

    /// Registers `id` as running and returns `nil`, or returns what became of the call that runs or ran already.
    private func earlierOutcome(of id: String) async -> Outcome? {
        let isFirst: Bool = state.withLock { state in
            guard state.entries[id] == nil else { return false }
            state.entries[id] = .running(waiting: [])
            return true
        }
        if isFirst { return nil }
        return await withCheckedContinuation { continuation in
            let finished: Outcome? = state.withLock { state in
                switch state.entries[id] {
                case .done(let reply): return .success(reply)
                case .running(let waiting):
                    state.entries[id] = .running(waiting: waiting + [continuation])
                    return nil
                case nil:
                    // The first call failed between the two looks; its failure is not kept.
                    return .failure(Failure(.infraFailed, "The first request with this request_id failed. Try again."))
                }
            }
            if let finished { continuation.resume(returning: finished) }
        }
    }

    private func finish(_ id: String, with outcome: Outcome) {
        let waiting: [CheckedContinuation<Outcome, Never>] = state.withLock { state in
            guard case .running(let waiting)? = state.entries[id] else { return [] }
            if case .success(let reply) = outcome, case .result = reply, capacity > 0 {
                state.entries[id] = .done(reply)
                state.remember(id, capacity: capacity)
            } else {
                state.entries[id] = nil
            }
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: outcome) }
    }
}

extension RememberedAnswers.State {
    fileprivate mutating func remember(_ id: String, capacity: Int) {
        finished.append(id)
        while finished.count - oldest > capacity {
            entries[finished[oldest]] = nil
            oldest += 1
        }
        if oldest > capacity {
            finished.removeFirst(oldest)
            oldest = 0
        }
    }
}
