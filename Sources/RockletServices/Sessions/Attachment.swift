import Transport

/// Somebody who looks at a session's terminal. For the loop's thread only.
final class Attachment: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    enum Item: Sendable {
        case bytes([UInt8])
        case ended(ChildStatus)
    }

    /// How much may wait for a slow one: the session does not wait for anybody.
    private static let limit = 4 << 20  // bytes

    let items: AsyncStream<Item>
    private let continuation: AsyncStream<Item>.Continuation
    private var waiting = 0

    init() {
        (items, continuation) = AsyncStream.makeStream()
    }

    /// Whether it was too slow, and has been given up.
    private(set) var isTooSlow = false

    func send(_ bytes: [UInt8]) {
        guard !isTooSlow else { return }
        waiting += bytes.count
        if waiting > Self.limit {
            isTooSlow = true
            continuation.finish()
        } else {
            continuation.yield(.bytes(bytes))
        }
    }

    /// Has been passed on.
    func passed(_ count: Int) { waiting -= count }

    func end(_ status: ChildStatus) {
        continuation.yield(.ended(status))
        continuation.finish()
    }
}
