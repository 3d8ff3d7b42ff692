import CLinux
import Glibc
import Synchronization
import Testing

@testable import Transport

/// Collects what happened, in order, from any thread.
final class Record<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    func add(_ element: Element) { elements.withLock { $0.append(element) } }
    var all: [Element] { elements.withLock { $0 } }
}

/// Runs `body` with a loop that is shut down afterwards, whatever happens.
func withLoop<Result: Sendable>(_ body: (EventLoop) async throws -> Result) async throws -> Result {
    let loop = try EventLoop(name: "test")
    defer { loop.shutDown() }
    return try await body(loop)
}

extension EventLoop {
    /// Runs `body` on the loop and answers its result.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            execute { continuation.resume(with: Result(catching: body)) }
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct EventLoopTests {
    @Test func tasksStayOnTheirLoopAndStartInOrder() async throws {
        try await withLoop { loop in
            let order = Record<Int>()
            let strays = Record<Int>()
            let tasks = (0..<1000).map { number in
                Task(executorPreference: loop) {
                    order.add(number)
                    await Task.yield()
                    if !loop.isCurrent || EventLoop.current !== loop { strays.add(number) }
                }
            }
            for task in tasks { await task.value }
            #expect(order.all == Array(0..<1000))
            #expect(strays.all.isEmpty)
            #expect(EventLoop.current == nil)
        }
    }

    @Test func timersFireByDeadlineThenBySchedulingOrder() async throws {
        try await withLoop { loop in
            let fired = Record<Int>()
            let start = ContinuousClock.now
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                loop.execute {
                    let dropped = loop.schedule(at: start + .milliseconds(2)) { fired.add(-1) }
                    for number in [3, 1, 2, 0] {
                        loop.schedule(at: start + .milliseconds(number)) { fired.add(number) }
                        loop.schedule(at: start + .milliseconds(number)) { fired.add(10 + number) }
                    }
                    loop.schedule(at: start + .milliseconds(4)) { done.resume() }
                    dropped.cancel()
                }
            }
            #expect(fired.all == [0, 10, 1, 11, 2, 12, 3, 13])
            #expect(ContinuousClock.now >= start + .milliseconds(4))
        }
    }

    /// Cancelling must take timers out of the middle of the heap without disturbing the order of the rest.
    @Test func cancelledTimersLeaveNothingBehind() async throws {
        try await withLoop { loop in
            let deadline = ContinuousClock.now + .seconds(3600)
            let left = try await loop.run {
                let timers = (0..<500).map { loop.schedule(at: deadline + .seconds($0 * 7919 % 500)) {} }
                for index in stride(from: 0, to: 500, by: 2) { timers[index].cancel() }
                var heap = loop.timers
                var previous = deadline
                var ordered = true
                while let timer = heap.popDue(at: deadline + .seconds(501)) {
                    ordered = ordered && previous <= timer.deadline
                    previous = timer.deadline
                }
                return (loop.timers.count, ordered)
            }
            #expect(left == (250, true))
        }
    }

    @Test func sleepEndsAtTheDeadlineOrWithItsTask() async throws {
        try await withLoop { loop in
            try await loop.sleep(until: .now - .seconds(1))
            let deadline = ContinuousClock.now + .milliseconds(3)
            try await loop.sleep(until: deadline)
            #expect(ContinuousClock.now >= deadline)

            let sleeper = Task { try await loop.sleep(until: .now + .seconds(3600)) }
            sleeper.cancel()
            await #expect(throws: CancellationError.self) { try await sleeper.value }
            // The timer goes too: nothing is left to keep the loop's memory.
            #expect(try await loop.run { loop.timers.count } == 0)
        }
    }

    /// Two descriptors become ready in the same turn; the first to be told closes the other and opens one of the same
    /// number. Its handler must not hear of the old one's event.
    @Test func eventsOfAClosedDescriptorReachNobody() async throws {
        try await withLoop { loop in
            let heard = Record<String>()
            let pairs = try (0..<2).map { _ in try StreamPair() }
            let last = try StreamPair()
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                loop.execute {
                    do {
                        for (mine, other) in [(0, 1), (1, 0)] {
                            try loop.watch(
                                pairs[mine].near, for: .readable,
                                handler: Handler { _, _ in
                                    heard.add("first")
                                    loop.unwatch(pairs[mine].near)
                                    loop.unwatch(pairs[other].near)
                                    dup2(last.near, pairs[other].near)
                                    let stranger = Handler { _, _ in heard.add("stranger") }
                                    #expect(throws: Never.self) {
                                        try loop.watch(pairs[other].near, for: .readable, handler: stranger)
                                    }
                                    loop.schedule(at: .now) { loop.schedule(at: .now) { done.resume() } }
                                })
                        }
                        for pair in pairs { rock_send(pair.far, [1], 1) }
                    } catch {
                        done.resume(throwing: error)
                    }
                }
            }
            #expect(heard.all == ["first"])
        }
    }

    /// Jobs that breed jobs without end must not keep descriptors from being heard, and a descriptor that is always
    /// ready must not keep jobs from running.
    @Test func neitherJobsNorDescriptorsStarve() async throws {
        try await withLoop { loop in
            let pair = try StreamPair()
            let stop = Atomic<Bool>(false)
            let breeder = Task(executorPreference: loop) {
                while !stop.load(ordering: .relaxed) { await Task.yield() }
            }
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                loop.execute {
                    do {
                        let handler = Handler { descriptor, _ in
                            loop.unwatch(descriptor)
                            done.resume()
                        }
                        try loop.watch(pair.near, for: .readable, handler: handler)
                        rock_send(pair.far, [1], 1)
                    } catch {
                        done.resume(throwing: error)
                    }
                }
            }
            // Never read, so ready for ever.
            try await loop.run { try loop.watch(pair.near, for: .readable, handler: Handler { _, _ in }) }
            stop.store(true, ordering: .relaxed)
            await breeder.value
            try await loop.run { loop.unwatch(pair.near) }
        }
    }

    @Test func watchingRefusesWhatCannotBeWatched() async throws {
        try await withLoop { loop in
            let pair = try StreamPair()
            let failures = try await loop.run { () -> [Int32] in
                try loop.watch(pair.near, for: .readable, handler: Handler { _, _ in })
                defer { loop.unwatch(pair.near) }
                return [(pair.near, false), (19_999, false), (pair.far, true)].map { descriptor, changes in
                    do throws(SystemCallError) {
                        if changes {
                            try loop.update(descriptor, for: .writable)
                        } else {
                            try loop.watch(descriptor, for: .readable, handler: Handler { _, _ in })
                        }
                        return 0
                    } catch {
                        return error.errno
                    }
                }
            }
            #expect(failures == [EEXIST, EBADF, ENOENT])
        }
    }

    @Test func groupGivesLoopsInTurnAndEndsThem() async throws {
        let group = try EventLoopGroup(count: 3)
        let turns = (0..<6).map { _ in group.next() }
        #expect(zip(turns, group.loops + group.loops).allSatisfy { $0 === $1 })
        let ran = Record<Int>()
        for _ in 0..<100 { group.next().execute { ran.add(1) } }
        group.shutDown()
        group.shutDown()
        #expect(ran.all.count == 100)
    }
}

/// A handler made of a closure.
final class Handler: ReadinessHandler {
    let body: (Int32, Readiness) -> Void
    init(_ body: @escaping (Int32, Readiness) -> Void) { self.body = body }
    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) { body(descriptor, readiness) }
}

/// Two connected sockets, closed together.
final class StreamPair: Sendable {
    let near: Int32
    let far: Int32

    init() throws {
        var descriptors: [Int32] = [0, 0]
        try SystemCallError.check(rock_stream_pair(&descriptors), "socketpair")
        (near, far) = (descriptors[0], descriptors[1])
    }

    deinit {
        close(near)
        close(far)
    }
}
