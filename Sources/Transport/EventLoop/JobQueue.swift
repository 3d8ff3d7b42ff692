/// The jobs of one loop, first in, first out; a ring that keeps its storage.
struct JobQueue {
    private var ring: [EventLoop.Job?] = Array(repeating: nil, count: 64)
    private var head = 0
    private var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ job: EventLoop.Job) {
        if count == ring.count { grow() }
        ring[(head + count) & (ring.count - 1)] = job
        count += 1
    }

    mutating func popFirst() -> EventLoop.Job? {
        guard count > 0 else { return nil }
        let job = ring[head].take()
        head = (head + 1) & (ring.count - 1)
        count -= 1
        return job
    }

    private mutating func grow() {
        ring = Array(ring[head...] + ring[..<head]) + Array(repeating: nil, count: ring.count)
        head = 0
    }
}
