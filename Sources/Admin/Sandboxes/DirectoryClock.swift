import Registry
import Synchronization
import Transport

/// The time of day, and a way to be called at a time of day.
struct DirectoryClock: Sendable {
    let now: @Sendable () -> Timestamp
    /// Has an action called once, at a moment or soon after it; what it returns takes that back.
    let schedule: @Sendable (Timestamp, @escaping @Sendable () -> Void) -> @Sendable () -> Void

    init(
        now: @escaping @Sendable () -> Timestamp,
        schedule: @escaping @Sendable (Timestamp, @escaping @Sendable () -> Void) -> @Sendable () -> Void
    ) {
        self.now = now
        self.schedule = schedule
    }

    /// The system's clock and a loop's timers.
    init(loop: EventLoop) {
        now = Timestamp.now
        schedule = { time, action in
            // A timer that is set for the end of time would overflow.
            let seconds = min(max(time.seconds(since: .now()), 0), 86_400 * 365)
            let timer = loop.schedule(at: .now + .seconds(seconds), action)
            return { timer.cancel() }
        }
    }

    /// Runs `work` until it returns, or `time` comes, or the task is cancelled: in the latter two cases `work` is cancelled
    /// and whatever it then returns is the result.
    func run<Value: Sendable>(until time: Timestamp, _ work: @escaping @Sendable () async -> Value) async -> Value {
        let task = Task { await work() }
        let cancel = schedule(time) { task.cancel() }
        defer { cancel() }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }
}

/// One timer for the nearest of many moments.
final class Alarm: Sendable {
    private struct Armed {
        var time: Timestamp
        var cancel: @Sendable () -> Void
    }

    private let clock: DirectoryClock
    private let armed = Mutex<Armed?>(nil)
    private let ring: AsyncStream<Void>.Continuation
    /// An element each time a moment has come; several in quick succession are one.
    let rings: AsyncStream<Void>

    init(clock: DirectoryClock) {
        self.clock = clock
        (rings, ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Rings at `time`, unless it rings earlier anyway.
    func set(_ time: Timestamp) {
        armed.withLock { armed in
            if let armed, armed.time <= time { return }
            armed?.cancel()
            // Set before the action can run: it takes the lock too.
            armed = Armed(time: time, cancel: {})
            armed?.cancel = clock.schedule(time) { [weak self] in self?.fire() }
        }
    }

    /// Ends ``rings``.
    func finish() {
        armed.withLock { armed in
            armed?.cancel()
            armed = nil
        }
        ring.finish()
    }

    private func fire() {
        armed.withLock { $0 = nil }
        ring.yield()
    }
}
