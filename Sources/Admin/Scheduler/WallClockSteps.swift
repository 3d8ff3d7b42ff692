import CLinux
import Glibc
import Transport

/// Tells when somebody sets the machine's clock: moments that were far off may be near now, or past.
enum WallClockSteps {
    /// An element for each step, for as long as the sequence is read. Without descriptors left it never has one.
    static func watch(on loop: EventLoop) -> AsyncStream<Void> {
        let (steps, step) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let descriptor = rock_clock_steps()
        guard descriptor >= 0 else {
            step.finish()
            return steps
        }
        let watch = Watch(OwnedDescriptor(descriptor), step, on: loop)
        loop.execute { watch.start() }
        step.onTermination = { _ in loop.execute { watch.stop() } }
        return steps
    }

    /// A timer that never ends, and that the kernel cancels when the clock is set.
    private final class Watch: ReadinessHandler, @unchecked Sendable {
        // Safety of @unchecked: used on the loop only.
        private let timer: OwnedDescriptor
        private let step: AsyncStream<Void>.Continuation
        private let loop: EventLoop

        init(_ timer: consuming OwnedDescriptor, _ step: AsyncStream<Void>.Continuation, on loop: EventLoop) {
            self.timer = timer
            self.step = step
            self.loop = loop
        }

        func start() { try? loop.watch(timer.rawValue, for: .readable, handler: self) }

        func stop() { loop.unwatch(timer.rawValue) }

        func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
            if rock_clock_steps_again(descriptor) == 0 { step.yield() }
        }
    }
}
