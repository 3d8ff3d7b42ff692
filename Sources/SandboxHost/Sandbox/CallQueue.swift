import GEM

/// One call that waits for its reply.
struct Call {
    let number: UInt64
    let line: [UInt8]
    let limit: Duration
    let continuation: CheckedContinuation<Result<Reply, Failure>, Never>
}

/// Calls in the order they came; the usual one call costs no array.
struct CallQueue {
    private(set) var first: Call?
    private var rest: [Call] = []
    /// First of `rest` that has not moved up.
    private var next = 0

    var count: Int { (first == nil ? 0 : 1) + rest.count - next }

    mutating func append(_ call: Call) {
        if first == nil { first = call } else { rest.append(call) }
    }

    /// Takes the first call; the next moves up.
    mutating func popFirst() -> Call? {
        let popped = first
        if next < rest.count {
            first = rest[next]
            next += 1
            if next == rest.count {
                rest.removeAll(keepingCapacity: true)
                next = 0
            }
        } else {
            first = nil
        }
        return popped
    }

    mutating func removeAll() -> [Call] {
        defer { self = CallQueue() }
        return (first.map { [$0] } ?? []) + rest[next...]
    }
}
