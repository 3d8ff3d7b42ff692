import CLinux
import Glibc

/// Signals as events: `for await signal in source.signals`.
///
/// The signals must be blocked in every thread, or the kernel delivers them the old way. So call ``block(_:)`` in `main`
/// before anything has started a thread.
package final class SignalSource: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: everything is constant; the descriptor is only read on the loop.

    /// The numbers of the signals as they arrive; several of one kind may be told as one. For one consumer.
    package let signals: AsyncStream<Int32>
    private let continuation: AsyncStream<Int32>.Continuation
    private let descriptor: OwnedDescriptor
    private let loop: EventLoop

    /// Keeps `signals` from interrupting this thread and those it starts from now on.
    ///
    /// - Throws: ``SystemCallError`` when one of them is not a signal.
    package static func block(_ signals: [Int32]) throws {
        try SystemCallError.check(rock_signals_block(signals, signals.count), "pthread_sigmask")
    }

    /// Blocks `signals` in the calling thread and starts listening for them, until ``cancel()``.
    ///
    /// - Throws: ``SystemCallError`` when one of them is not a signal, or there are no descriptors left.
    package init(_ signals: [Int32], on loop: EventLoop) throws {
        try Self.block(signals)
        descriptor = OwnedDescriptor(
            try SystemCallError.check(rock_signalfd(signals, signals.count), "signalfd"))
        self.loop = loop
        (self.signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(64))
        loop.execute {
            do {
                try loop.watch(self.descriptor.rawValue, for: .readable, handler: self)
            } catch {
                self.continuation.finish()
            }
        }
    }

    /// Stops listening and ends the stream. The signals stay blocked.
    package func cancel() {
        loop.execute {
            self.loop.unwatch(self.descriptor.rawValue)
            self.continuation.finish()
        }
    }

    package func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        while case let signal = rock_signalfd_read(descriptor), signal > 0 {
            continuation.yield(signal)
        }
    }
}
