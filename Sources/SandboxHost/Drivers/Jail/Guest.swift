import CLinux
import Glibc
import Transport

/// A jail's first process, seen from outside: what it is called and when it ends.
final class Guest: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: everything is constant.

    let process: Int32
    /// When it started, in clock ticks since the machine did: with its number, nobody else's.
    let processStart: UInt64
    private let descriptor: OwnedDescriptor
    private let isChild: Bool
    private let loop: EventLoop
    private let outcome = Outcome<Exit>()

    /// How the process ended.
    enum Exit: Sendable {
        case exited(Int32)
        case signalled(Int32)
        /// Somebody else's child, and the kernel does not tell.
        case unknown
    }

    /// A child of this process that has not been collected.
    ///
    /// - Throws: ``SystemCallError``; the child lives on then.
    static func child(_ process: Int32, on loop: EventLoop) throws(SystemCallError) -> Guest {
        let descriptor = try SystemCallError.check(rock_pidfd_open(process), "pidfd_open", "process \(process)")
        return Guest(process, start(of: process) ?? 0, OwnedDescriptor(descriptor), isChild: true, on: loop)
    }

    /// A process that a predecessor of this one started; `nil` where it is gone.
    static func predecessors(_ process: Int32, started: UInt64, on loop: EventLoop) -> Guest? {
        guard process > 1, case let descriptor = rock_pidfd_open(process), descriptor >= 0 else { return nil }
        let owned = OwnedDescriptor(descriptor)
        // With the descriptor open, the number cannot pass to another process between this look and the next use.
        guard start(of: process) == started else { return nil }
        return Guest(process, started, owned, isChild: false, on: loop)
    }

    private init(
        _ process: Int32, _ start: UInt64, _ descriptor: consuming OwnedDescriptor, isChild: Bool, on loop: EventLoop
    ) {
        self.process = process
        processStart = start
        self.descriptor = descriptor
        self.isChild = isChild
        self.loop = loop
        loop.execute {
            do {
                try self.loop.watch(self.descriptor.rawValue, for: .readable, handler: self)
            } catch {
                // Without room to watch it nothing is known of it; then it had better not run.
                self.signal(SIGKILL)
                self.outcome.settle(.unknown)
            }
        }
    }

    /// Field 22 of `/proc/PID/stat`; `nil` where there is no such process, or it has ended and waits to be collected.
    static func start(of process: Int32) -> UInt64? {
        guard let text = KernelFile.read("/proc/\(process)/stat"), let name = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[name...].split(separator: " ")
        guard fields.count > 20, fields[1] != "Z", fields[1] != "X" else { return nil }
        return UInt64(fields[20])
    }

    /// Sends a signal to the very process, whatever its number means by now.
    func signal(_ number: Int32) { rock_pidfd_send_signal(descriptor.rawValue, number) }

    /// Waits for the end.
    func exit() async -> Exit { await outcome.value() }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        var status: Int32 = 0
        var signalled: Int32 = 0
        if isChild {
            let result = rock_pidfd_reap(descriptor, &status, &signalled)
            if result == 0 { return }
            loop.unwatch(descriptor)
            outcome.settle(result < 0 ? .unknown : signalled != 0 ? .signalled(status) : .exited(status))
        } else {
            loop.unwatch(descriptor)
            guard rock_pidfd_exit_status(descriptor, &status) == 1 else { return outcome.settle(.unknown) }
            outcome.settle(status & 0x7F != 0 ? .signalled(status & 0x7F) : .exited(status >> 8 & 0xFF))
        }
    }
}
