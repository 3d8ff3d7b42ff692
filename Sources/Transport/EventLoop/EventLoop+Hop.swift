extension EventLoop {
    /// Runs `body` on the loop's thread: at once when called there, else in a task of the loop's own, which is cancelled
    /// with the caller's.
    package func hop<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        if isCurrent { return try await body() }
        let task = Task(executorPreference: self) { try await body() }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }
}
