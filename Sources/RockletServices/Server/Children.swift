import CLinux
import Glibc
package import Transport

/// Every child of this process, collected as it ends: those that were started here, and orphans that process 1 inherits.
///
/// For the loop's thread only, which is also the only one to start children: between a start and ``whenEnded(_:_:)`` no
/// child can be collected.
package final class Children: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// The signals that this process hears of through a descriptor, and that nothing else may take.
    static let signals = [SIGCHLD, SIGTERM, SIGINT]

    package let loop: EventLoop
    private var waiting: [Int32: (ChildStatus) -> Void] = [:]
    private var descriptor: Int32 = -1
    /// Told that the process has been asked to end, by SIGTERM or SIGINT.
    var onRequestToEnd: ((Int32) -> Void)?

    init(on loop: EventLoop) {
        self.loop = loop
    }

    /// Starts to listen. The signals must be blocked in every thread.
    func start() throws {
        descriptor = try SystemCallError.check(rock_signalfd(Self.signals, Self.signals.count), "signalfd")
        // Process 1 gets the orphans anyway; where another is, sessions would lose theirs to it.
        if getpid() != 1 { try SystemCallError.check(rock_adopt_orphans(), "prctl", "child subreaper") }
        try loop.watch(descriptor, for: .readable, handler: self)
        collect()
    }

    /// How many children started here still run.
    package var count: Int { waiting.count }

    /// The children started here that still run.
    package var running: [Int32] { Array(waiting.keys) }

    /// Calls `body` with how `process` ended, once it has. Call it right after the start.
    package func whenEnded(_ process: Int32, _ body: @escaping (ChildStatus) -> Void) {
        precondition(loop.isCurrent, "children are the loop's")
        waiting[process] = body
    }

    package func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        while case let signal = rock_signalfd_read(descriptor), signal > 0 {
            // Several ends may come as one signal, and all are collected below.
            if signal != SIGCHLD { onRequestToEnd?(signal) }
        }
        collect()
    }

    private func collect() {
        var status: Int32 = 0
        var signalled: Int32 = 0
        while case let process = rock_child_reap(&status, &signalled), process > 0 {
            waiting.removeValue(forKey: process)?(signalled != 0 ? .signalled(status) : .exited(status))
        }
    }
}
