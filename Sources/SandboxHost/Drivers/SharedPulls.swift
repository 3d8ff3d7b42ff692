import Synchronization
import Transport

/// Fetches of images that are under way, each shared by all who want the same.
///
/// A fetch goes on when whoever began it leaves, as long as anybody waits for it; when the last leaves, it is cancelled.
final class SharedPulls<Value: Sendable>: Sendable {
    typealias Report = @Sendable (String) -> Void

    private struct Waiter {
        let report: Report
        let continuation: CheckedContinuation<Value, any Error>
    }

    private struct Pull {
        /// Tells it from another of the same key.
        let number: UInt64
        var waiters: [UInt64: Waiter] = [:]
        var task: Task<Void, Never>?
    }

    private struct State {
        var pulls: [String: Pull] = [:]
        var count: UInt64 = 0
        /// Waiters that left before they were noted.
        var gone: Set<UInt64> = []
    }

    private let state = Mutex(State())

    /// Joins the fetch called `key`, or begins it.
    ///
    /// - Parameters:
    ///   - key: What is fetched, and by whose rights.
    ///   - loop: Carries a fetch that is begun; `nil` leaves that to the runtime.
    ///   - report: Told how far it is.
    ///   - body: The fetch; what it reports goes to all who wait.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; `CancellationError` as soon as the caller is cancelled.
    func join(
        _ key: String, on loop: EventLoop? = nil, report: @escaping Report,
        _ body: @escaping @Sendable (@escaping Report) async throws -> Value
    ) async throws -> Value {
        let me: UInt64 = state.withLock { state in
            state.count += 1
            return state.count
        }
        defer { state.withLock { _ = $0.gone.remove(me) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isLate: Bool = state.withLock { state in
                    if state.gone.contains(me) { return true }
                    var pull = state.pulls[key] ?? Pull(number: me)
                    pull.waiters[me] = Waiter(report: report, continuation: continuation)
                    if pull.task == nil {
                        pull.task = Task(executorPreference: loop) { await self.run(key, me, body) }
                    }
                    state.pulls[key] = pull
                    return false
                }
                if isLate { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            leave(key, me)
        }
    }

    private func run(
        _ key: String, _ number: UInt64, _ body: @escaping @Sendable (@escaping Report) async throws -> Value
    ) async {
        let result: Result<Value, any Error>
        do {
            result = .success(
                try await body { [weak self] text in
                    let pull = self?.state.withLock { $0.pulls[key] }
                    guard let pull, pull.number == number else { return }
                    for waiter in pull.waiters.values { waiter.report(text) }
                })
        } catch {
            result = .failure(error)
        }
        let waiters: [Waiter] = state.withLock { state in
            guard let pull = state.pulls[key], pull.number == number else { return [] }
            state.pulls[key] = nil
            return Array(pull.waiters.values)
        }
        for waiter in waiters { waiter.continuation.resume(with: result) }
    }

    private func leave(_ key: String, _ me: UInt64) {
        let (waiter, task): (Waiter?, Task<Void, Never>?) = state.withLock { state in
            guard let waiter = state.pulls[key]?.waiters.removeValue(forKey: me) else {
                state.gone.insert(me)
                return (nil, nil)
            }
            guard state.pulls[key]?.waiters.isEmpty == true else { return (waiter, nil) }
            // Whoever comes next begins anew.
            return (waiter, state.pulls.removeValue(forKey: key)?.task)
        }
        task?.cancel()
        waiter?.continuation.resume(throwing: CancellationError())
    }
}
