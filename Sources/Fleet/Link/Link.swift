import CLinux
import GEM
import Synchronization
package import Transport

/// One end of a link: many streams over one connection, each joined to a socket.
///
/// Callable from every thread; it lives on its connection's loop.
package final class Link: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only, save those in a Mutex.

    /// How an end of a link is held to be alive.
    package struct Heartbeat: Sendable {
        /// How often the other end is asked whether it is there.
        package var interval: Duration = .seconds(5)
        /// How long nothing may be heard of it.
        package var patience: Duration = .seconds(15)

        package init() {}
    }

    /// Finds what a stream that the other end asks for is to be joined to, on the link's loop.
    package typealias Acceptance = @Sendable (_ target: String, _ loop: EventLoop) async throws -> StreamSocket

    package let loop: EventLoop
    private let socket: StreamSocket
    private let accept: Acceptance
    private let heartbeat: Heartbeat
    private let writer: LinkWriter
    private(set) var streams: LinkStreams
    private var decoder = LinkDecoder()
    private var pumps: [UInt32: LinkPump] = [:]
    /// Streams asked for here that the other end has not answered yet.
    private var asking: [UInt32: UnsafeContinuation<Void, any Error>] = [:]
    /// Streams that the other end asks for and that are being joined.
    private var joining: [UInt32: Task<Void, Never>] = [:]
    private var ending: LinkError?
    private var lastHeard: ContinuousClock.Instant
    private let trip = Mutex<Duration?>(nil)

    /// - Parameters:
    ///   - socket: The connection, watched by its loop.
    ///   - ahead: What has been read from it already.
    ///   - role: Which end this is.
    ///   - limits: What the other end may ask for.
    ///   - heartbeat: How soon its silence is noticed.
    ///   - accept: Finds what its streams are to be joined to; what it throws is told to the other end.
    package init(
        _ socket: StreamSocket, ahead: [UInt8] = [], role: LinkStreams.Role,
        limits: LinkStreams.Limits = LinkStreams.Limits(), heartbeat: Heartbeat = Heartbeat(),
        accept: @escaping Acceptance
    ) {
        self.socket = socket
        self.accept = accept
        self.heartbeat = heartbeat
        loop = socket.loop
        streams = LinkStreams(role, limits)
        writer = LinkWriter(socket, patience: heartbeat.patience)
        lastHeard = .now
        ahead.withUnsafeBytes { decoder.append($0) }
    }

    /// How long the latest ping took to come back; `nil` before the first has.
    package var roundTrip: Duration? { trip.withLock { $0 } }

    // MARK: Its life

    /// Serves until the link ends, and then ends every stream.
    ///
    /// - Returns: Why it ended.
    package func run() async -> LinkError {
        await withTaskCancellationHandler {
            // Nothing in it throws.
            (try? await loop.hop { await self.serve() }) ?? .closed
        } onCancel: {
            close()
        }
    }

    /// Ends the link.
    package func close() { loop.execute { self.end(.closed) } }

    private func serve() async -> LinkError {
        writer.onFailure = { [weak self] error in self?.end(error as? LinkError ?? .closed) }
        let beat = Task(executorPreference: loop) { await self.beat() }
        do {
            try handleFrames()
            while ending == nil {
                guard let count = try socket.receive(into: loop.scratch) else {
                    try await socket.waitUntilReadable()
                    continue
                }
                if count == 0 { break }
                lastHeard = loop.now
                decoder.append(UnsafeRawBufferPointer(rebasing: loop.scratch[..<count]))
                try handleFrames()
            }
            end(.closed)
        } catch {
            end(error as? LinkError ?? .closed)
        }
        beat.cancel()
        return ending ?? .closed
    }

    /// Asks again and again whether the other end is there, and gives it up when nothing has been heard for too long.
    private func beat() async {
        while ending == nil, !Task.isCancelled {
            let silence = lastHeard.duration(to: .now)
            if silence >= heartbeat.patience { return end(.silent) }
            writer.post(.ping(Self.clock()))
            let pause = min(heartbeat.interval, heartbeat.patience - silence)
            // Cancelled when the link has ended.
            try? await loop.sleep(until: .now + pause)
        }
    }

    private func end(_ reason: LinkError) {
        guard ending == nil else { return }
        ending = reason
        writer.fail(reason)
        socket.close()
        let failure = Self.lost
        for continuation in asking.values { continuation.resume(throwing: failure) }
        for pump in pumps.values { pump.stop() }
        for task in joining.values { task.cancel() }
        (asking, pumps, joining) = ([:], [:], [:])
    }

    private static let lost = Failure(.infraFailed, "The connection to the host was lost.")

    /// Nanoseconds of a clock that nobody sets.
    private static func clock() -> UInt64 {
        let (seconds, attoseconds) = origin.duration(to: .now).components
        return UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: attoseconds / 1_000_000_000)
    }
    private static let origin = ContinuousClock.now

    // MARK: Opening

    /// Opens a stream and waits until the other end has joined it to what `target` names.
    ///
    /// - Parameters:
    ///   - target: See ``LinkTarget``.
    ///   - loop: Whose socket it shall be.
    /// - Returns: A socket that stands for it.
    /// - Throws: ``Failure``: what the other end says against it; `infraFailed` where the link has ended; `overloaded`.
    package func open(_ target: String, on loop: EventLoop) async throws -> StreamSocket {
        let (inner, outer) = try LooseEnd.pair()
        try await self.loop.hop { try await self.join(target, inner) }
        return try await loop.hop { try outer.socket(on: loop) }
    }

    private func join(_ target: String, _ end: LooseEnd) async throws {
        guard ending == nil else { throw Self.lost }
        let near = try end.socket(on: loop)
        let (id, frame): (UInt32, LinkFrame)
        do { (id, frame) = try streams.open(target) } catch {
            near.close()
            throw error
        }
        writer.post(frame)
        let pump = LinkPump(id, near, of: self)
        pumps[id] = pump
        do {
            try await withTaskCancellationHandler {
                try await withUnsafeThrowingContinuation { asking[id] = $0 }
            } onCancel: {
                loop.execute { self.answer(id, .failure(CancellationError())) }
            }
        } catch {
            if let pump = pumps[id] {
                pump.stop()
                giveUp(pump)
            }
            throw error
        }
        pump.start()
    }

    private func answer(_ id: UInt32, _ result: Result<Void, any Error>) {
        asking.removeValue(forKey: id)?.resume(with: result)
    }

    // MARK: Frames

    private func handleFrames() throws {
        while let frame = try decoder.next() {
            guard let event = try streams.receive(frame) else { continue }
            handle(event)
        }
    }

    private func handle(_ event: LinkStreams.Event) {
        switch event {
        case .asked(let id, let target):
            joining[id] = Task(executorPreference: loop) { await self.join(id, to: target) }
        case .accepted(let id): answer(id, .success(()))
        case .data(let id, let bytes): pumps[id]?.take(bytes)
        case .room(let id): pumps[id]?.noteRoom()
        case .ended(let id): pumps[id]?.noteEnd()
        case .reset(let id, let failure):
            answer(id, .failure(failure))
            joining.removeValue(forKey: id)?.cancel()
            pumps.removeValue(forKey: id)?.stop()
        case .answer(let frame): writer.post(frame)
        case .heard(let number):
            let now = Self.clock()
            if number <= now { trip.withLock { $0 = .nanoseconds(Int64(clamping: now - number)) } }
        }
    }

    /// Joins a stream that the other end asks for.
    private func join(_ id: UInt32, to target: String) async {
        do {
            let socket = try await accept(target, loop)
            guard joining.removeValue(forKey: id) != nil, let frame = streams.accept(id) else { return socket.close() }
            let pump = LinkPump(id, socket, of: self)
            pumps[id] = pump
            writer.post(frame)
            pump.start()
        } catch {
            joining[id] = nil
            let failure = error as? Failure ?? Failure(.infraFailed, "\(target) cannot be reached: \(error)")
            if let frame = streams.reset(id, failure) { writer.post(frame) }
        }
    }

    // MARK: What pumps ask for

    func send(_ bytes: [UInt8], of pump: LinkPump) async throws {
        try await writer.send(streams.send(bytes, on: pump.id))
    }

    func noteTaken(_ count: Int, of pump: LinkPump) {
        if let frame = streams.take(count, of: pump.id) { writer.post(frame) }
    }

    func end(_ pump: LinkPump) {
        if let frame = streams.end(pump.id) { writer.post(frame) }
    }

    /// Both directions of a stream have come to their ends.
    func forget(_ pump: LinkPump) { pumps[pump.id] = nil }

    /// A stream's socket has failed.
    func giveUp(_ pump: LinkPump) {
        pumps[pump.id] = nil
        if let frame = streams.reset(pump.id, Failure(.infraFailed, "The connection was broken off.")) {
            writer.post(frame)
        }
    }
}
