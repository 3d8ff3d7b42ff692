/// Timers by deadline: a binary heap in which each timer knows its place, so cancelling leaves nothing behind.
struct TimerHeap {
    private var heap: [EventLoop.Timer] = []
    private var inserted: UInt64 = 0

    var count: Int { heap.count }

    mutating func insert(_ timer: EventLoop.Timer) {
        inserted += 1
        timer.sequence = inserted
        timer.index = heap.count
        heap.append(timer)
        siftUp(heap.count - 1)
    }

    mutating func remove(_ timer: EventLoop.Timer) {
        guard let index = timer.index else { return }
        timer.index = nil
        let last = heap.removeLast()
        guard index < heap.count else { return }
        place(last, at: index)
        siftUp(index)
        siftDown(index)
    }

    /// Takes out the first timer whose deadline is not after `now`.
    mutating func popDue(at now: ContinuousClock.Instant) -> EventLoop.Timer? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        remove(first)
        return first
    }

    /// How long a wait may last, rounded up; negative when there is no timer.
    func nanosecondsUntilFirst() -> Int64 {
        guard let first = heap.first else { return -1 }
        let (seconds, attoseconds) = ContinuousClock.now.duration(to: first.deadline).components
        if seconds < 0 || attoseconds < 0 { return 0 }
        // A day at most: the loop looks again, and the sum cannot overflow.
        return min(seconds, 86_400) * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        let (left, right) = (heap[left], heap[right])
        return left.deadline == right.deadline ? left.sequence < right.sequence : left.deadline < right.deadline
    }

    private mutating func place(_ timer: EventLoop.Timer, at index: Int) {
        heap[index] = timer
        timer.index = index
    }

    private mutating func swapAt(_ left: Int, _ right: Int) {
        let timer = heap[left]
        place(heap[right], at: left)
        place(timer, at: right)
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0, precedes(child, (child - 1) / 2) {
            swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            let children = (2 * parent + 1)..<min(2 * parent + 3, max(heap.count, 2 * parent + 1))
            guard let least = children.min(by: precedes), precedes(least, parent) else { return }
            swapAt(least, parent)
            parent = least
        }
    }
}
