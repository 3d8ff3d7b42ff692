import GEM
import Transport

/// One stream of a link at one end: carries bytes between it and a socket. For the loop's thread only.
final class LinkPump: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the link's loop only.

    let id: UInt32
    private let socket: StreamSocket
    private unowned let link: Link
    /// What the socket has not taken yet: never more than a window.
    private var inbox: [UInt8] = []
    private var otherHasEnded = false
    private var delivering: UnsafeContinuation<Void, Never>?
    private var waitingForRoom: UnsafeContinuation<Void, Never>?
    private var isOver = false
    private var unfinished = 2

    /// How long the socket may take nothing.
    private static let patience: Duration = .seconds(600)
    /// How long the other end may have something to say that nobody will hear.
    private static let lingering: Duration = .seconds(10)

    init(_ id: UInt32, _ socket: StreamSocket, of link: Link) {
        self.id = id
        self.socket = socket
        self.link = link
    }

    func start() {
        // Whoever held the other end of the socket is gone for good. What it said last may still be on its way; who it said it
        // to may never say anything more.
        socket.onHangUp = { [weak self, loop = link.loop] in
            loop.schedule(at: loop.now + Self.lingering) { [weak self] in self?.abandon() }
        }
        Task(executorPreference: link.loop) { [link] in
            await self.finish { try await self.collect() }
            withExtendedLifetime(link) {}
        }
        Task(executorPreference: link.loop) { [link] in
            await self.finish { try await self.deliver() }
            withExtendedLifetime(link) {}
        }
    }

    /// The stream is over for reasons of its own or the link's: both directions stop.
    func stop() {
        guard !isOver else { return }
        isOver = true
        inbox = []
        socket.close()
        wake(&delivering)
        wake(&waitingForRoom)
    }

    private func abandon() {
        guard !isOver else { return }
        stop()
        link.giveUp(self)
    }

    // MARK: What the link brings

    func take(_ bytes: [UInt8]) {
        guard !isOver else { return }
        if inbox.isEmpty { inbox = bytes } else { inbox += bytes }
        wake(&delivering)
    }

    func noteEnd() {
        otherHasEnded = true
        wake(&delivering)
    }

    func noteRoom() { wake(&waitingForRoom) }

    // MARK: Both directions

    private func finish(_ direction: () async throws -> Void) async {
        do {
            try await direction()
            unfinished -= 1
            guard unfinished == 0, !isOver else { return }
            isOver = true
            socket.close()
            link.forget(self)
        } catch {
            abandon()
        }
    }

    /// From the socket into the link.
    private func collect() async throws {
        while !isOver {
            let room = min(link.streams.room(of: id), LinkFrame.payloadLimit)
            guard room > 0 else {
                await withUnsafeContinuation { waitingForRoom = $0 }
                continue
            }
            let buffer = UnsafeMutableRawBufferPointer(rebasing: link.loop.scratch.prefix(room))
            guard let count = try socket.receive(into: buffer) else {
                try await socket.waitUntilReadable()
                continue
            }
            if count == 0 { return link.end(self) }
            try await link.send(Array(buffer[..<count]), of: self)
        }
        throw LinkError.closed
    }

    /// From the link into the socket.
    private func deliver() async throws {
        while !isOver {
            guard !inbox.isEmpty else {
                if otherHasEnded { return socket.finishSending() }
                await withUnsafeContinuation { delivering = $0 }
                continue
            }
            let bytes = inbox
            inbox = []
            try await socket.sendAll(bytes, patience: Self.patience)
            link.noteTaken(bytes.count, of: self)
        }
        throw LinkError.closed
    }

    private func wake(_ waiting: inout UnsafeContinuation<Void, Never>?) {
        waiting?.resume()
        waiting = nil
    }
}
