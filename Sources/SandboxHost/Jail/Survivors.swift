import CLinux
import GEM
import Glibc
import Transport

/// What the zygote of a server that was killed tells the next one: which jails live, and how the others ended.
///
/// Every method blocks, for as long as a process of this machine takes to answer.
struct Survivors: Sendable {
    /// How long the zygote may take for one answer, and to end.
    private static let patience: Int32 = 5_000  // milliseconds

    /// The connection to the zygote.
    let control: Int32
    /// The zygote, and a descriptor that becomes readable when it has ended.
    let process: Int32
    let pidfd: Int32
    private(set) var identity: UInt64 = 0
    private(set) var walls: UInt32 = 0
    private(set) var refusals: [Int32] = []
    /// The process of each jail that lives, by slot.
    private(set) var living: [UInt32: Int32] = [:]
    /// The same of those that ended while no server was there.
    private(set) var ended: [UInt32: (process: Int32, end: JailEnd)] = [:]

    /// What was found where a zygote waits for its next server.
    enum Finding: Sendable {
        case nothing
        case survivors(Survivors)
        /// There was one, of no use to this server; it has been ended, and all its jails.
        case ended
    }

    /// Looks for a zygote behind `door` and asks it about its jails.
    ///
    /// - Parameters:
    ///   - door: The socket it would listen at.
    ///   - identity: What its program and settings must be to be of use.
    /// - Returns: What was found.
    /// - Throws: ``Failure`` of kind `infraFailed` where one neither answers nor ends.
    static func find(behind door: String, identity: UInt64) throws(Failure) -> Finding {
        var process: Int32 = 0
        let control = rock_zygote_connect(door, patience, &process)
        guard control >= 0 else {
            if control == -ENOENT || control == -ECONNREFUSED { return .nothing }
            throw Failure(
                .infraFailed,
                "What an earlier server started cannot be reached by \(door): \(KernelFile.reason(-control)). End the rocklet processes, remove the file, then start again."
            )
        }
        let pidfd = rock_pidfd_open(process)
        guard pidfd >= 0 else {
            close(control)
            return .nothing
        }
        var survivors = Survivors(control: control, process: process, pidfd: pidfd)
        if survivors.listen(), survivors.identity == identity { return .survivors(survivors) }
        try survivors.end()
        return .ended
    }

    private init(control: Int32, process: Int32, pidfd: Int32) {
        (self.control, self.process, self.pidfd) = (control, process, pidfd)
    }

    /// Ends the zygote with all its jails, and lets go of it.
    ///
    /// - Throws: ``Failure`` where it does not end.
    func end() throws(Failure) {
        defer { letGo() }
        let result = rock_kill_and_wait(process, Self.patience)
        guard result == 0 else {
            throw Failure(
                .infraFailed,
                "Process \(process), which an earlier server started, does not end: \(KernelFile.reason(-result)). End it, then start again."
            )
        }
    }

    /// Closes the connection. The zygote goes on and waits for another server.
    func letGo() {
        close(control)
        close(pidfd)
    }

    /// Takes in its account. Returns whether it was whole.
    private mutating func listen() -> Bool {
        for _ in 0...Int(ROCK_ZYGOTE_SLOTS) {
            var event = rock_zygote_event()
            let size = MemoryLayout.size(ofValue: event)
            // One of another version speaks in messages of another length.
            guard rock_message_await(control, &event, UInt32(size)) == size else { return false }
            switch event.kind {
            case ROCK_ZYGOTE_LIVING.rawValue: living[event.slot] = event.pid
            case ROCK_ZYGOTE_ENDED.rawValue: ended[event.slot] = (event.pid, JailEnd(event))
            case ROCK_ZYGOTE_READY.rawValue:
                (identity, walls) = (event.identity, event.walls)
                refusals = event.refusals
                return true
            default: return false
            }
        }
        return false
    }
}

extension JailEnd {
    /// How the jail of an `ended` message ended.
    init(_ event: rock_zygote_event) {
        // CLD_EXITED is 1.
        self = event.code == 1 ? .exited(event.status) : .signalled(event.status)
    }
}

extension rock_zygote_event {
    /// An errno for each wall that does not hold, by its bit.
    var refusals: [Int32] { withUnsafeBytes(of: errors) { Array($0.bindMemory(to: Int32.self)) } }
}
