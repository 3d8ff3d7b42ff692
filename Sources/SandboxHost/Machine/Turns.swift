import GEM
import Synchronization

/// Lets one call at a time through for each sandbox, in the order in which they came.
final class Turns: Sendable {
    /// Who waits, for each sandbox that a call is under way for.
    private let waiting = Mutex<[SandboxID: [CheckedContinuation<Void, Never>]]>([:])

    /// Runs `body` when every earlier call for `id` has ended.
    func run<Value>(
        _ id: SandboxID, _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        await begin(id)
        defer { end(id) }
        return try await body()
    }

    private func begin(_ id: SandboxID) async {
        await withCheckedContinuation { continuation in
            let isFree: Bool = waiting.withLock { waiting in
                guard waiting[id] != nil else {
                    waiting[id] = []
                    return true
                }
                waiting[id]?.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func end(_ id: SandboxID) {
        let next: CheckedContinuation<Void, Never>? = waiting.withLock { waiting in
            guard let queue = waiting[id], let first = queue.first else {
                waiting[id] = nil
                return nil
            }
            waiting[id] = Array(queue.dropFirst())
            return first
        }
        next?.resume()
    }
}
