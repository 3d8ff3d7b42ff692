/// Bytes both ways between two sockets of one loop, each at the pace of whoever takes them.
package enum Relay {
    /// How long one side may take nothing.
    private static let patience: Duration = .seconds(300)

    /// Passes on everything until both sides have finished, or one has failed; then both are closed. A side that finishes
    /// sending can still receive.
    ///
    /// - Parameters:
    ///   - one: A socket; call this on its loop.
    ///   - oneAhead: What has been read from it already.
    ///   - other: Another of the same loop.
    ///   - otherAhead: What has been read from that.
    ///   - idle: How long both may be silent; `nil` for ever.
    /// - Throws: ``ConnectionError``; `CancellationError`.
    package static func run(
        _ one: StreamSocket, _ oneAhead: [UInt8], _ other: StreamSocket, _ otherAhead: [UInt8] = [],
        idle: Duration?
    ) async throws {
        precondition(one.loop === other.loop, "a relay runs on one loop")
        let activity = Activity(idle, one.loop)
        defer {
            one.close()
            other.close()
        }
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask(executorPreference: one.loop) { try await pass(one, oneAhead, to: other, activity) }
                group.addTask(executorPreference: one.loop) { try await pass(other, otherAhead, to: one, activity) }
                do {
                    while try await group.next() != nil {}
                } catch {
                    // The one that still waits would wait for ever.
                    one.close()
                    other.close()
                    throw error
                }
            }
        } onCancel: {
            one.loop.execute {
                one.close()
                other.close()
            }
        }
    }

    private static func pass(
        _ source: StreamSocket, _ ahead: [UInt8], to sink: StreamSocket, _ activity: Activity
    ) async throws {
        if !ahead.isEmpty { try await sink.sendAll(ahead, patience: patience) }
        let scratch = source.loop.scratch
        while true {
            guard let count = try source.receive(into: scratch) else {
                try await activity.wait { try await source.waitUntilReadable(until: $0) }
                continue
            }
            activity.note()
            if count == 0 { return sink.finishSending() }
            let piece = UnsafeRawBufferPointer(rebasing: scratch[..<count])
            let sent = try sink.send(piece)
            // The scratch memory is everybody's: what is left moves out of it before anything is awaited.
            if sent < count { try await sink.sendAll(Array(piece[sent...]), patience: patience) }
        }
    }

    /// When either side was last heard.
    final class Activity: @unchecked Sendable {
        // Safety of @unchecked: touched on the loop's thread only.
        private let limit: Duration?
        private let loop: EventLoop
        private var last: ContinuousClock.Instant

        init(_ limit: Duration?, _ loop: EventLoop) {
            self.limit = limit
            self.loop = loop
            last = loop.now
        }

        func note() { last = loop.now }

        /// Runs one wait, again when it ends for want of time although the other side was heard meanwhile.
        func wait(_ body: (ContinuousClock.Instant?) async throws -> Void) async throws {
            while true {
                let deadline = limit.map { last + $0 }
                do {
                    return try await body(deadline)
                } catch ConnectionError.timedOut {
                    if let limit, last + limit <= loop.now { throw ConnectionError.timedOut }
                }
            }
        }
    }
}
