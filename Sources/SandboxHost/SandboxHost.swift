package import GEM
import Glibc
import Synchronization
package import Transport

// One machine's sandboxes.
//
//   SandboxHost.swift         what a host can do
//   SandboxHost+Jails.swift   how jails come and go: zygote, slots, warm pool
//   SandboxHost+Adoption.swift  what a killed host left, and what this one leaves
//   HostConfiguration.swift   how it runs them
//   Sandbox/                  one sandbox: its name, its calls, its end
//   Jail/                     one process behind walls, and the zygote it is cloned from
//   Cgroups/                  the kernel's limits on memory, processor time and processes
//   Drivers/                  sandboxes with a root filesystem: the contract, and the ways to run them
//   Isolation/                which walls stand, and what to do about those that do not

/// Makes sandboxes on this machine, keeps a few ready, and reaps them all.
package final class SandboxHost: Sendable {
    package let configuration: HostConfiguration
    let loops: EventLoopGroup
    let cgroups: CgroupTree
    let state = Mutex(State())
    /// Held for as long as the host lives: no other host uses the run directory.
    let runDirectory: RunDirectory

    struct State {
        enum Phase { case running, closing, closed }
        enum ZygoteState {
            case none
            case starting([CheckedContinuation<Void, Never>])
            case serving(Zygote)
        }
        var phase = Phase.running
        var zygote = ZygoteState.none
        var zygoteFailure: Failure?
        var isolation = IsolationReport([])
        var sandboxes: [SandboxID: Sandbox] = [:]
        /// Names given out for sandboxes that are still being made.
        var reserved: Set<SandboxID> = []
        /// Every jail that has not been reaped, by slot.
        var jails: [UInt32: Jail] = [:]
        /// Jails that nobody uses yet.
        var warm: [Jail] = []
        var isRefilling = false
        /// How many jails are being made, and who waits for that to end.
        var clones = 0
        var clonesWaiters: [CheckedContinuation<Void, Never>] = []
        var freeSlots: [UInt32] = []
        var firstUnusedSlot: UInt32 = 0
        var inheritance = Inheritance()
    }

    /// Takes over the run directory and, where a killed predecessor's zygote waits for it, that; otherwise removes what is
    /// left there and starts a zygote. Then fills the pool. What is inherited waits for ``adopt(_:at:onEnd:)``.
    ///
    /// - Throws: ``Failure`` of kind `isolationRefused` where less holds than `configuration` wants; `infraFailed` where
    ///   the run directory cannot be used or the rocklet does not start.
    package init(_ configuration: HostConfiguration, loops: EventLoopGroup) async throws(Failure) {
        if let complaint = configuration.limits.complaint {
            throw Failure(.invalidArgument, "The default " + complaint + ".")
        }
        self.configuration = configuration
        self.loops = loops
        let prepared: Result<Ground, Failure>
        do {
            prepared = try await BlockingPool.run { Result { () throws(Failure) in try Ground(configuration) } }
        } catch {
            throw Failure(.infraFailed, "No thread for blocking work: \(error).")
        }
        let ground = try prepared.get()
        (runDirectory, cgroups) = (ground.directory, ground.cgroups)
        await inherit(ground)
        do throws(Failure) {
            _ = try await zygote()
            if configuration.minimumIsolation == .strict && !isolation.isComplete {
                throw Failure(
                    .isolationRefused,
                    "The machine does not give the strict isolation that is configured. \(isolation.complaint) "
                        + "Or set the minimum to \"best-effort\".")
            }
            // The walls were tried one by one; this tries them together. Any answer will do.
            let trial = try await make()
            _ = try await trial.call("status", params: Array("{}".utf8), limit: .seconds(10))
            await trial.close()
        } catch {
            await giveUp()
            throw error
        }
        refill()
    }

    /// Which walls stand around every sandbox.
    package var isolation: IsolationReport { state.withLock(\.isolation) }

    /// How many sandboxes are alive or being made; the warm pool does not count.
    package var count: Int { state.withLock { $0.sandboxes.count + $0.reserved.count } }

    /// Makes a sandbox, from the warm pool if its limits are the usual ones.
    ///
    /// - Parameters:
    ///   - id: Its name, which no living sandbox has.
    ///   - limits: What it may use; `nil` for the configuration's.
    ///   - onEnd: Called once, on any thread, if it ends before it is closed.
    /// - Returns: The sandbox, with nothing made in it. Whoever asked for it closes it.
    /// - Throws: ``Failure``: `invalidArgument` for a name in use or senseless limits, `overloaded` at the maximum,
    ///   `isolationRefused` for a limit that nothing here can enforce, `infraFailed`, `shuttingDown`.
    package func make(
        id: SandboxID = .random(), limits: Limits? = nil, onEnd: (@Sendable (Failure) -> Void)? = nil
    ) async throws(Failure) -> Sandbox {
        let limits = limits ?? configuration.limits
        if let complaint = limits.complaint { throw Failure(.invalidArgument, "The sandbox's " + complaint + ".") }
        if limits.cpus < 1, cgroups.missing[.cpu] != nil {
            throw Failure(
                .isolationRefused,
                "A sandbox cannot be held to \(limits.cpus) of a processor here. \(Wall.cpuLimit.remedy)")
        }
        let maximum = configuration.maximumSandboxes
        try state.withLock { (state) throws(Failure) in
            guard state.phase == .running else { throw Failure(.shuttingDown, "The host is shutting down.") }
            guard state.sandboxes[id] == nil, state.reserved.insert(id).inserted else {
                throw Failure(.invalidArgument, "There is a sandbox called \(id) already. Choose another name.")
            }
            guard state.sandboxes.count + state.reserved.count <= maximum else {
                state.reserved.remove(id)
                throw Failure(
                    .overloaded, "All \(maximum) sandboxes of this host are in use. Close one, then try again.")
            }
        }
        do {
            let jail = try await jail(for: limits)
            return try adopt(jail, as: id, onEnd: onEnd)
        } catch {
            state.withLock { _ = $0.reserved.remove(id) }
            throw error
        }
    }

    private func adopt(_ jail: Jail, as id: SandboxID, onEnd: (@Sendable (Failure) -> Void)?) throws(Failure) -> Sandbox
    {
        let error = jail.rename(to: runDirectory.socket(id.rawValue))
        let sandbox = Sandbox(id, jail, host: self, loop: EventLoop.current ?? loops.next(), onEnd: onEnd)
        let isKept = state.withLock { state in
            guard error == 0, state.phase == .running else { return false }
            state.reserved.remove(id)
            state.sandboxes[id] = sandbox
            return true
        }
        guard isKept else {
            discard(jail)
            // A jail that has ended has taken its socket with it.
            if let end = jail.end { throw end.failure(jail.limits) }
            throw error == 0
                ? Failure(.shuttingDown, "The host is shutting down.")
                : Failure(.infraFailed, "The sandbox's socket could not be named: \(KernelFile.reason(error)).")
        }
        sandbox.begin()
        return sandbox
    }

    /// Ends every sandbox and waits until nothing is left of any: no process, folder, socket or descriptor.
    package func shutDown() async {
        let (zygote, sandboxes) = state.withLock { state in
            if state.phase == .running { state.phase = .closing }
            return (state.zygote, Array(state.sandboxes.values))
        }
        let reason = Failure(.shuttingDown, "The server is shutting down.")
        for sandbox in sandboxes { sandbox.fail(reason) }
        if case .serving(let zygote) = zygote { await zygote.stop() }
        for sandbox in sandboxes { await sandbox.close() }
        // What was being made meanwhile has ended as well, or is its maker's to give up.
        await clonesEnded()
        let isLast = state.withLock { state in
            defer { state.phase = .closed }
            return state.phase != .closed
        }
        guard isLast else { return }
        // The folders are empty now; that no thread for it could be had leaves them to the next host.
        try? await BlockingPool.run { [cgroups, runDirectory] in
            cgroups.removeAll()
            runDirectory.release()
        }
    }

    /// Forgets a sandbox that has been closed.
    func forget(_ id: SandboxID, _ sandbox: Sandbox) {
        state.withLock { state in
            if state.sandboxes[id] === sandbox { state.sandboxes[id] = nil }
        }
    }

    /// Where a jail's socket is before it has a sandbox's name.
    func temporarySocket(_ slot: UInt32) -> String { runDirectory.socket("jail_\(slot)") }
}
