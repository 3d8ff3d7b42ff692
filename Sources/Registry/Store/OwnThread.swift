import Dispatch

/// Runs blocking `body` on a thread of its own queue, and waits for it without blocking the task.
func onOwnThread<Result: Sendable>(
    _ body: @escaping @Sendable () throws(RegistryError) -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "rock.registry.background", qos: .utility).async {
            do throws(RegistryError) {
                continuation.resume(returning: try body())
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
