import Transport

/// Limits how long something may take.
enum Deadline {
    /// The time is up.
    struct Passed: Error {}

    /// Runs `body`; when it has not returned after `limit`, cancels it.
    ///
    /// - Throws: ``Passed``, once `body` has returned after being cancelled; what `body` throws.
    static func run<Value: Sendable>(
        within limit: Duration, on loop: EventLoop, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await loop.sleep(until: ContinuousClock.now + limit)
                return nil
            }
            defer { group.cancelAll() }
            // The first to end decides; leaving the group waits for the other, which is cancelled.
            guard let first = try await group.next(), let value = first else { throw Passed() }
            return value
        }
    }
}
