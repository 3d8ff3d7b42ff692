/// Sends what several tasks have to say over one socket, in the order they say it. For the loop's thread only.
///
/// What the kernel does not take at once is kept and sent by a task of its own; who sends more while much is kept waits.
final class OutgoingStream: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    /// How much may be kept before senders wait.
    private static let highWater = 256 * 1024

    private let socket: StreamSocket
    private let patience: Duration
    private var pending: [UInt8] = []
    private var isFlushing = false
    private var waiting: [UnsafeContinuation<Void, any Error>] = []
    private var failure: (any Error)?

    /// - Parameters:
    ///   - socket: Where to send.
    ///   - patience: How long the other end may take nothing; then the socket is closed.
    init(_ socket: StreamSocket, patience: Duration) {
        self.socket = socket
        self.patience = patience
    }

    /// Sends `bytes` after everything that was sent before, without letting anything come between `first` and `second`.
    ///
    /// - Throws: ``ConnectionError`` when the socket has failed or been closed.
    func send(_ first: [UInt8], _ second: [UInt8] = []) async throws {
        try enqueue(first, second)
        if pending.count > Self.highWater { try await waitForRoom() }
    }

    /// The same for a few bytes from who cannot wait.
    func enqueue(_ first: [UInt8], _ second: [UInt8] = []) throws {
        socket.loop.preconditionOnLoop()
        if let failure { throw failure }
        var sent = 0
        if !isFlushing { sent = try socket.sendSome(first, second, from: 0) }
        guard sent < first.count + second.count else { return }
        pending.append(contentsOf: first.dropFirst(sent))
        pending.append(contentsOf: second.dropFirst(max(0, sent - first.count)))
        startFlushing()
    }

    /// Waits until everything has been handed to the kernel.
    func flush() async throws {
        while isFlushing { try await waitForRoom() }
        if let failure { throw failure }
    }

    private func waitForRoom() async throws {
        try await withUnsafeThrowingContinuation { waiting.append($0) }
    }

    private func startFlushing() {
        guard !isFlushing else { return }
        isFlushing = true
        Task(executorPreference: socket.loop) { await self.flushPending() }
    }

    private func flushPending() async {
        do {
            while !pending.isEmpty {
                let batch = pending
                pending = []
                try await socket.sendAll(batch, patience: patience)
                if pending.count <= Self.highWater { wakeWaiting(.success(())) }
            }
            isFlushing = false
            wakeWaiting(.success(()))
        } catch {
            failure = error
            isFlushing = false
            wakeWaiting(.failure(error))
            socket.close()
        }
    }

    private func wakeWaiting(_ result: Result<Void, any Error>) {
        let woken = waiting
        waiting = []
        for continuation in woken { continuation.resume(with: result) }
    }
}
