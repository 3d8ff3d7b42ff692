import CLinux
import Glibc
import Synchronization

/// How a child process ended.
package enum ChildStatus: Equatable, Sendable {
    /// It returned this code, 0–255.
    case exited(Int32)
    /// This signal ended it.
    case signalled(Int32)
}

extension EventLoop {
    /// Waits for a child of this process to end and collects it, so that no zombie stays. Callable from every thread;
    /// exactly one caller may wait for a given child.
    ///
    /// Cancelling the task does not stop the wait: somebody has to collect the child. Kill it to end the wait.
    ///
    /// - Throws: ``SystemCallError``: `ECHILD` or `ESRCH` when there is no such child, `EMFILE` without descriptors.
    package func exitStatus(ofChild process: Int32) async throws -> ChildStatus {
        let descriptor = try SystemCallError.check(rock_pidfd_open(process), "pidfd_open", "process \(process)")
        return try await exitStatus(of: OwnedDescriptor(descriptor), "process \(process)")
    }

    /// The same for a child known by a process descriptor, which this call takes over.
    ///
    /// - Throws: ``SystemCallError``: `ECHILD` when it is not a child, or somebody else has collected it.
    package func exitStatus(
        of descriptor: consuming OwnedDescriptor, _ subject: String = "child"
    ) async throws -> ChildStatus {
        let child = ChildExit(descriptor, subject, on: self)
        return try await withCheckedThrowingContinuation { child.start($0) }
    }
}

/// One wait for one child.
private final class ChildExit: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: `waiter` is touched on the loop only; the rest is constant.
    private let descriptor: OwnedDescriptor
    private let subject: String
    private let loop: EventLoop
    private var waiter: CheckedContinuation<ChildStatus, any Error>?

    init(_ descriptor: consuming OwnedDescriptor, _ subject: String, on loop: EventLoop) {
        self.descriptor = descriptor
        self.subject = subject
        self.loop = loop
    }

    func start(_ continuation: CheckedContinuation<ChildStatus, any Error>) {
        loop.execute {
            self.waiter = continuation
            do {
                try self.loop.watch(self.descriptor.rawValue, for: .readable, handler: self)
            } catch {
                self.waiter.take()?.resume(throwing: error)
            }
        }
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        var status: Int32 = 0
        var signalled: Int32 = 0
        let result = rock_pidfd_reap(descriptor, &status, &signalled)
        if result == 0 { return }
        loop.unwatch(descriptor)
        let outcome: Result<ChildStatus, any Error> =
            result < 0
            ? .failure(SystemCallError("waitid", subject, errno: -result))
            : .success(signalled != 0 ? .signalled(status) : .exited(status))
        waiter.take()?.resume(with: outcome)
    }
}
