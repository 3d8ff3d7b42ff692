import CLinux
import GEM
import Glibc
import Transport

/// The connection to a guest that builds its sandbox, up to the moment when it becomes the rocklet.
final class GuestControl: ReadinessHandler, @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on `loop` only.
    private let socket: OwnedDescriptor
    private let loop: EventLoop
    private var heard: [Word] = []
    private var waiter: CheckedContinuation<Word, Never>?
    private var hasEnded = false

    /// What a guest has to say.
    enum Word: Sendable {
        case ready
        case failed(Failure)
        /// It has become another program, or has ended.
        case ended
    }

    init(_ socket: consuming OwnedDescriptor, on loop: EventLoop) {
        self.socket = socket
        self.loop = loop
        loop.execute {
            do {
                try self.loop.watch(self.socket.rawValue, for: .readable, handler: self)
            } catch {
                self.take(.failed(Failure(.infraFailed, "A sandbox that starts cannot be watched: \(error).")))
                self.hasEnded = true
            }
        }
    }

    /// Waits for the next word; for ever ``Word/ended`` after the end.
    func next() async -> Word {
        await withCheckedContinuation { continuation in
            loop.execute {
                if !self.heard.isEmpty { return continuation.resume(returning: self.heard.removeFirst()) }
                if self.hasEnded { return continuation.resume(returning: .ended) }
                self.waiter = continuation
            }
        }
    }

    /// Lets the guest become the rocklet.
    func go() {
        var byte: UInt8 = 1
        // Where nobody receives it, the end of the connection is on its way.
        _ = send(socket.rawValue, &byte, 1, Int32(MSG_NOSIGNAL))
    }

    /// Stops listening; the guest, if it still waits for ``go()``, ends.
    func close() {
        loop.execute {
            self.loop.unwatch(self.socket.rawValue)
            _ = shutdown(self.socket.rawValue, Int32(SHUT_RDWR))
            self.end()
        }
    }

    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness) {
        while true {
            var word = rock_guest_word()
            let result = rock_guest_listen(descriptor, &word)
            if result == -EAGAIN { return }
            guard result == 1 else {
                loop.unwatch(descriptor)
                return end()
            }
            take(word.step == ROCK_GUEST_READY.rawValue ? .ready : .failed(word.failure))
        }
    }

    private func end() {
        guard !hasEnded else { return }
        hasEnded = true
        if let waiter = waiter.take() { waiter.resume(returning: .ended) }
    }

    private func take(_ word: Word) {
        if let waiter = waiter.take() { waiter.resume(returning: word) } else { heard.append(word) }
    }
}

extension rock_guest_word {
    fileprivate var failure: Failure {
        let subject = withUnsafeBytes(of: subject) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let reason = "\(subject): \(KernelFile.reason(error))"
        let doing =
            switch UInt32(bitPattern: step) {
            case ROCK_GUEST_STEP_CGROUP.rawValue: "joining its cgroup"
            case ROCK_GUEST_STEP_USER.rawValue: "making its user namespace"
            case ROCK_GUEST_STEP_LAYERS.rawValue: "opening its layers"
            case ROCK_GUEST_STEP_DISK.rawValue: "mounting its disk"
            case ROCK_GUEST_STEP_ROOT.rawValue: "making its root"
            case ROCK_GUEST_STEP_PROC.rawValue: "mounting /proc"
            case ROCK_GUEST_STEP_DEVICES.rawValue: "making /dev"
            case ROCK_GUEST_STEP_MOUNTS.rawValue: "mounting what was asked for"
            case ROCK_GUEST_STEP_NAMESPACES.rawValue: "entering its namespaces"
            case ROCK_GUEST_STEP_IDENTITY.rawValue: "taking its user id"
            case ROCK_GUEST_STEP_NETWORK.rawValue: "raising its loopback"
            case ROCK_GUEST_STEP_CAPABILITIES.rawValue: "dropping capabilities"
            case ROCK_GUEST_STEP_SECCOMP.rawValue: "filtering system calls"
            case ROCK_GUEST_STEP_PROGRAM.rawValue: "starting the rocklet"
            default: "reading its plan"
            }
        // What a mount's source is, only the client can mend.
        let kind = step == Int32(ROCK_GUEST_STEP_MOUNTS.rawValue) ? Failure.Kind.invalidArgument : .infraFailed
        return Failure(
            kind, "The sandbox could not be built: \(doing) failed (\(reason)). rockctl doctor says what is missing.")
    }
}
