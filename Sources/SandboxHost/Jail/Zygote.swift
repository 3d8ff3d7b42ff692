import CLinux
import GEM
import Glibc
import Synchronization
import Transport

/// The process that jails are cloned from, and the connection it is told through what to do.
///
/// When it ends, for whatever reason, so does every jail it made. When the connection ends, it waits for another server
/// for as long as ``HostConfiguration/linger`` says.
final class Zygote: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on `loop` only.

    /// What its owner hears, on the loop.
    struct Events: Sendable {
        /// The jail in this slot has ended and been reaped.
        let jailEnded: @Sendable (UInt32, JailEnd) -> Void
        /// The zygote is gone, and every jail that has not been reported as ended with it. Comes last.
        let lost: @Sendable (Zygote) -> Void
    }

    /// The walls that hold, as bits.
    private(set) var walls: UInt32 = 0
    /// Why the others do not: an errno for each bit.
    private(set) var refusals: [Int32] = []
    let process: Int32
    private let loop: EventLoop
    private let control: OwnedDescriptor
    private let events: Events
    /// Becomes readable at the end of a zygote that another server started; `nil` for a child of this process.
    private let pidfd: ReadableDescriptor?

    private enum Phase {
        case starting(CheckedContinuation<Bool, Never>)
        case serving
        /// No message comes any more; the process may still be ending.
        case hungUp
        case gone
    }

    private var phase: Phase?
    private var clones: [UInt32: CheckedContinuation<Result<Int32, JailEnd>, Never>] = [:]
    /// Messages the connection had no room for.
    private var outbox: [Message] = []
    private var goneWaiters: [CheckedContinuation<Void, Never>] = []

    private struct Message {
        var request: rock_zygote_request
        let passed: Passed?
    }

    /// Keeps a descriptor open until it has been sent.
    private final class Passed {
        let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    private init(
        _ process: Int32, control: consuming OwnedDescriptor, pidfd: ReadableDescriptor? = nil, loop: EventLoop,
        events: Events
    ) {
        self.process = process
        self.control = control
        self.pidfd = pidfd
        self.loop = loop
        self.events = events
    }

    // MARK: - Life

    /// Starts the process and waits until it is ready to clone.
    ///
    /// - Throws: ``Failure`` of kind `infraFailed` where it does not start.
    static func start(
        _ configuration: HostConfiguration, cgroups: CgroupTree, door: String, loop: EventLoop, events: Events
    ) async throws(Failure) -> Zygote {
        let isOrdinaryUser = geteuid() != 0
        var arguments = ["rocklet", "zygote"] + configuration.zygoteArguments
        arguments += ["--cgroup-version", "\(cgroups.version)"]
        arguments += cgroups.folders.flatMap { ["--cgroup", $0] }
        if configuration.lingerSeconds > 0 {
            arguments += ["--door", door, "--linger", "\(configuration.lingerSeconds)"]
            arguments += ["--identity", "\(configuration.zygoteIdentity)"]
        }
        let path = configuration.rockletPath
        let started: (process: Int32, control: Int32)
        do {
            started = try await BlockingPool.run { [arguments] in
                try spawn(path, arguments, isOrdinaryUser: isOrdinaryUser)
            }
        } catch {
            throw Failure(
                .infraFailed, "\(path) could not be started: \(error). Check that it is the rocklet executable.")
        }
        let zygote = Zygote(
            started.process, control: OwnedDescriptor(started.control), loop: loop, events: events)
        guard await zygote.becomesReady() else {
            throw Failure(.infraFailed, "\(path) ended before it was ready. Run it by hand to see why: \(path) zygote.")
        }
        return zygote
    }

    /// Goes on with the zygote of a server that was killed. Its jails' ends are reported as those of all others.
    ///
    /// - Parameters:
    ///   - survivors: The zygote; its descriptors become this one's.
    ///   - linger: How long it is to wait for the server after this one, in seconds.
    ///   - loop: Hears it from now on.
    ///   - events: What its owner hears.
    /// - Returns: The zygote, ready to clone.
    static func adopt(_ survivors: Survivors, linger: UInt32, loop: EventLoop, events: Events) async -> Zygote {
        rock_set_nonblocking(survivors.control)
        let pidfd = ReadableDescriptor(OwnedDescriptor(survivors.pidfd), on: loop)
        let zygote = Zygote(
            survivors.process, control: OwnedDescriptor(survivors.control), pidfd: pidfd, loop: loop, events: events)
        (zygote.walls, zygote.refusals) = (survivors.walls, survivors.refusals)
        await zygote.goOn(linger: linger)
        return zygote
    }

    private func goOn(linger: UInt32) async {
        await withCheckedContinuation { continuation in
            loop.execute {
                self.phase = .serving
                do {
                    try self.loop.watch(self.control.rawValue, for: .readable, handler: self)
                } catch {
                    self.end()
                }
                var request = rock_zygote_request()
                request.kind = ROCK_ZYGOTE_LINGER.rawValue
                request.slot = linger
                self.send(Message(request: request, passed: nil))
                self.reap()
                continuation.resume()
            }
        }
    }

    private static func spawn(
        _ path: String, _ arguments: [String], isOrdinaryUser: Bool
    ) throws(SystemCallError) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        try SystemCallError.check(rock_message_pair(&ends), "socketpair")
        defer { close(ends[1]) }
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        // A PID namespace of its own makes the kernel end the jails with it; without one, their death signal does.
        var process = rock_zygote_spawn(path, words, ends[1], 1, isOrdinaryUser ? 1 : 0)
        if process == -EPERM || process == -ENOSPC || process == -EINVAL {
            process = rock_zygote_spawn(path, words, ends[1], 0, 0)
        }
        guard process > 0 else {
            close(ends[0])
            throw SystemCallError("clone", path, errno: -process)
        }
        return (process, ends[0])
    }

    private func becomesReady() async -> Bool {
        await withCheckedContinuation { continuation in
            loop.execute {
                self.phase = .starting(continuation)
                do {
                    try self.loop.watch(self.control.rawValue, for: .readable, handler: self)
                } catch {
                    self.end()
                }
                self.reap()
            }
        }
    }

    /// Waits for the process to end. It is the first of its PID namespace: when it has been reaped, so has every jail.
    private func reap() {
        let (loop, process, pidfd) = (loop, process, pidfd)
        Task(executorPreference: loop) {
            if let pidfd {
                // Fails where it cannot be watched; the end of the connection then counts as the zygote's.
                try? await pidfd.wait()
                pidfd.close()
            } else {
                // The only error is that somebody else has collected it: then it is gone too.
                _ = try? await loop.exitStatus(ofChild: process)
            }
            loop.execute { self.finish() }
        }
    }

    /// Ends the process and every jail, and waits until they are gone.
    func stop() async {
        await withCheckedContinuation { continuation in
            loop.execute {
                if case .gone? = self.phase { return continuation.resume() }
                self.goneWaiters.append(continuation)
                self.end()
            }
        }
    }

    /// Closes the connection without ending anything: the process waits for another server. Nothing is heard of it any
    /// more; its end is not waited for.
    func leave() async {
        await withCheckedContinuation { continuation in
            loop.execute {
                self.hangUp()
                shutdown(self.control.rawValue, Int32(SHUT_RDWR))
                self.phase = .gone
                continuation.resume()
            }
        }
    }

    /// Ends the process, by a descriptor or while it has not been reaped: its number is still its own.
    private func end() {
        hangUp()
        if let pidfd { rock_pidfd_send_signal(pidfd.rawValue, SIGKILL) } else { Glibc.kill(process, SIGKILL) }
    }

    private func hangUp() {
        switch phase {
        case .hungUp, .gone: return
        case .starting(let continuation): continuation.resume(returning: false)
        case .serving, nil: break
        }
        phase = .hungUp
        loop.unwatch(control.rawValue)
        outbox = []
    }

    private func finish() {
        if case .gone? = phase { return }
        hangUp()
        phase = .gone
        for clone in clones.values { clone.resume(returning: .failure(.zygoteLost)) }
        clones = [:]
        events.lost(self)
        for waiter in goneWaiters { waiter.resume() }
        goneWaiters = []
    }

    // MARK: - Requests

    /// Clones a jail and waits until it exists.
    ///
    /// - Parameters:
    ///   - jail: What it will be; its slot is free.
    ///   - cgroup: The name of the slot's folders; empty for none.
    ///   - listener: The jail's own socket, whose only owner it becomes.
    /// - Returns: The jail's process id as the host sees it.
    func clone(_ jail: Jail, cgroup: String, listener: consuming OwnedDescriptor) async -> Result<Int32, JailEnd> {
        var request = rock_zygote_request()
        request.kind = ROCK_ZYGOTE_CLONE.rawValue
        request.slot = jail.slot
        // A cgroup is to strike first, because its kill has a name: the second line stands a little behind it.
        let memory = UInt64(jail.limits.memoryBytes)
        request.limits.memory_bytes = cgroup.isEmpty ? memory : memory + memory / 4 + 32 << 20
        request.limits.processes = UInt32(jail.limits.processes)
        request.limits.descriptors = UInt32(jail.limits.descriptors)
        withUnsafeMutableBytes(of: &request.cgroup) { room in
            precondition(cgroup.utf8.count < room.count, "a slot's folder has a short name")
            room.copyBytes(from: cgroup.utf8)
        }
        let message = Message(request: request, passed: Passed(listener))
        return await withCheckedContinuation { continuation in
            // Safety of nonisolated(unsafe): the message is handed over whole and not used here again.
            nonisolated(unsafe) let message = message
            loop.execute {
                guard case .serving? = self.phase else { return continuation.resume(returning: .failure(.zygoteLost)) }
                self.clones[message.request.slot] = continuation
                self.send(message)
            }
        }
    }

    /// Ends `jail`; ``Events/jailEnded`` says when it has.
    func kill(_ jail: Jail) {
        loop.execute {
            // Ends are reported on this loop too: a jail that lives here still has its slot.
            guard jail.end == nil else { return }
            var request = rock_zygote_request()
            request.kind = ROCK_ZYGOTE_KILL.rawValue
            request.slot = jail.slot
            if case .serving? = self.phase { self.send(Message(request: request, passed: nil)) }
        }
    }

    private func send(_ message: Message) {
        outbox.append(message)
        if outbox.count == 1 { flush() }
    }

    private func flush() {
        var sent = 0
        for message in outbox {
            var request = message.request
            let result = rock_message_send(
                control.rawValue, &request, UInt32(MemoryLayout.size(ofValue: request)),
                message.passed?.descriptor.rawValue ?? -1)
            if result == -EAGAIN { break }
            // The connection is broken: the end of it is on its way as an event.
            sent += 1
        }
        outbox.removeFirst(sent)
        // Fails only for a descriptor that is not watched, and then there is nobody to write to.
        try? loop.update(control.rawValue, for: outbox.isEmpty ? .readable : [.readable, .writable])
    }

    // MARK: - Events

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        while true {
            var event = rock_zygote_event()
            let size = MemoryLayout.size(ofValue: event)
            let count = rock_message_receive(descriptor, &event, UInt32(size))
            if count == -EAGAIN { break }
            guard count == size else { return end() }
            take(event)
            if case .hungUp? = phase { return }
        }
        if readiness.contains(.writable) { flush() }
    }

    private func take(_ event: rock_zygote_event) {
        switch event.kind {
        case ROCK_ZYGOTE_READY.rawValue:
            walls = event.walls
            refusals = event.refusals
            guard case .starting(let continuation)? = phase else { return }
            phase = .serving
            continuation.resume(returning: true)
        case ROCK_ZYGOTE_CLONED.rawValue:
            clones.removeValue(forKey: event.slot)?.resume(returning: .success(event.pid))
        case ROCK_ZYGOTE_REFUSED.rawValue:
            clones.removeValue(forKey: event.slot)?.resume(returning: .failure(.refused(event.status)))
        case ROCK_ZYGOTE_ENDED.rawValue:
            events.jailEnded(event.slot, JailEnd(event))
        default: end()
        }
    }
}
