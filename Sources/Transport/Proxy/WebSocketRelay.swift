extension Relay {
    /// Passes on a WebSocket's messages as the bytes of a connection, and its bytes as binary messages, until one side has
    /// finished and what it had sent has been taken, or both have been silent for too long. The connection is closed then.
    ///
    /// - Parameters:
    ///   - webSocket: One side; call this on its loop.
    ///   - socket: The other, on the same loop.
    ///   - idle: How long both may be silent.
    /// - Throws: ``ConnectionError``; ``WebSocketError``; `CancellationError`.
    package static func run(_ webSocket: WebSocket, _ socket: StreamSocket, idle: Duration) async throws {
        precondition(webSocket.loop === socket.loop, "a relay runs on one loop")
        let activity = Activity(idle, socket.loop)
        defer { socket.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: socket.loop) {
                for try await message in webSocket {
                    activity.note()
                    try await socket.sendAll(message.bytes, patience: .seconds(300))
                }
                // Closing at once could destroy what the other side has not read yet; but nobody hears its answer.
                socket.finishSending()
                socket.loop.schedule(at: socket.loop.now + lingering) { socket.close() }
            }
            group.addTask(executorPreference: socket.loop) {
                try await passBytes(of: socket, to: webSocket, activity)
                // A WebSocket is closed as a whole.
                throw Ended()
            }
            do {
                while try await group.next() != nil {}
            } catch {
                socket.close()
                group.cancelAll()
                while await group.nextResult() != nil {}
                if !(error is Ended) { throw error }
            }
        }
    }

    /// How long a connection may take to end when the WebSocket has been closed.
    private static let lingering: Duration = .seconds(5)

    /// The connection has ended in good order.
    private struct Ended: Error {}

    private static func passBytes(
        of socket: StreamSocket, to webSocket: WebSocket, _ activity: Activity
    ) async throws {
        let scratch = socket.loop.scratch
        while socket.isOpen {
            guard let count = try socket.receive(into: scratch) else {
                do {
                    try await activity.wait { try await socket.waitUntilReadable(until: $0) }
                } catch ConnectionError.closed {
                    return
                }
                continue
            }
            activity.note()
            if count == 0 { return }
            // What comes after the WebSocket's end goes nowhere.
            if webSocket.isOpen { try await webSocket.send(binary: Array(scratch[..<count])) }
        }
    }
}
