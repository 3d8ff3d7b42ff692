import CLinux
import GEM
import Glibc
import Synchronization
import Transport

/// Ends a conversation when the agent's process has ended.
final class AgentWatch: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: `descriptor` is touched on the loop only; the rest is constant.

    private let loop: EventLoop
    private var descriptor: OpenFile?
    private let whenEnded: @Sendable () -> Void

    /// Calls `whenEnded` once, on `loop`, when the process has ended; soon, where there is none, or its number is 0.
    ///
    /// - Throws: ``SystemCallError`` where it cannot be watched.
    init(_ process: Int32, on loop: EventLoop, whenEnded: @escaping @Sendable () -> Void) throws {
        self.loop = loop
        self.whenEnded = whenEnded
        let opened = process > 0 ? rock_pidfd_open(process) : -ESRCH
        guard opened != -ESRCH else {
            loop.execute(whenEnded)
            return
        }
        descriptor = OpenFile(OwnedDescriptor(try SystemCallError.check(opened, "pidfd_open", "process \(process)")))
        loop.execute {
            guard let number = self.descriptor?.rawValue else { return }
            // The loop keeps this object while it watches. A descriptor that cannot be watched has nobody left to tell.
            do { try loop.watch(number, for: .readable, handler: self) } catch { self.descriptor = nil }
        }
    }

    /// A process descriptor is readable from the process's end on, also while nobody has collected it.
    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        loop.unwatch(descriptor)
        self.descriptor = nil
        whenEnded()
    }
}
