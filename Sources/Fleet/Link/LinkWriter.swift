import GEM
import Transport

/// Sends the frames of all streams over one connection. For the loop's thread only.
///
/// Frames with data take turns: a stream has at most one of them here, and comes back to the end of the line for the next. What
/// is not data goes ahead of the line; none of it can grow without limit but answers to an end that does not read them.
final class LinkWriter: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    private struct Turn {
        let bytes: [UInt8]
        let done: UnsafeContinuation<Void, any Error>
    }

    private let socket: StreamSocket
    private let patience: Duration
    private var urgent: [UInt8] = []
    private var line: [Turn] = []
    private var isSending = false
    private var failure: (any Error)?
    /// Called once when the connection can take nothing more.
    var onFailure: ((any Error) -> Void)?

    /// Frames besides data that may wait, in bytes.
    private static let urgentLimit = 1 << 20
    /// How much is handed to the kernel at a time.
    private static let batch = 128 << 10

    init(_ socket: StreamSocket, patience: Duration) {
        self.socket = socket
        self.patience = patience
    }

    /// Sends a frame ahead of those with data.
    func post(_ frame: LinkFrame) {
        guard failure == nil else { return }
        frame.append(to: &urgent)
        if urgent.count > Self.urgentLimit {
            return fail(LinkError.protocolViolation("more questions than answers could be sent for"))
        }
        start()
    }

    /// Sends a frame with data when it is its stream's turn, and returns when the kernel has it.
    func send(_ frame: LinkFrame) async throws {
        if let failure { throw failure }
        try await withUnsafeThrowingContinuation { continuation in
            line.append(Turn(bytes: frame.bytes, done: continuation))
            start()
        }
    }

    /// Fails whoever waits.
    func fail(_ error: any Error) {
        guard failure == nil else { return }
        failure = error
        let waiting = line
        line = []
        urgent = []
        for turn in waiting { turn.done.resume(throwing: error) }
        onFailure?(error)
        onFailure = nil
    }

    private func start() {
        guard !isSending else { return }
        isSending = true
        Task(executorPreference: socket.loop) { await self.sendWaiting() }
    }

    private func sendWaiting() async {
        while failure == nil, !urgent.isEmpty || !line.isEmpty {
            var bytes = urgent
            urgent = []
            var count = 0
            while count < line.count, bytes.count < Self.batch {
                bytes += line[count].bytes
                count += 1
            }
            let sent = Array(line[..<count])
            line.removeFirst(count)
            do {
                try await socket.sendAll(bytes, patience: patience)
                for turn in sent { turn.done.resume() }
            } catch {
                for turn in sent { turn.done.resume(throwing: error) }
                fail(error)
            }
        }
        isSending = false
    }
}
