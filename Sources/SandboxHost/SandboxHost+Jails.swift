import CLinux
import GEM
import Glibc
import Synchronization
import Transport

/// How jails come and go.
extension SandboxHost {
    /// A jail of these limits: a warm one if there is one.
    func jail(for limits: Limits) async throws(Failure) -> Jail {
        guard limits == configuration.limits else { return try await coldJail(limits) }
        let warm: Jail? = state.withLock { state in
            while let jail = state.warm.popLast() {
                if jail.end == nil { return jail }
                jail.closeConnection()
            }
            return nil
        }
        refill()
        if let warm { return warm }
        return try await coldJail(limits)
    }

    /// Clones a jail.
    func coldJail(_ limits: Limits) async throws(Failure) -> Jail {
        try state.withLock { (state) throws(Failure) in
            guard state.phase == .running else { throw Failure(.shuttingDown, "The host is shutting down.") }
            state.clones += 1
        }
        defer { cloneEnded() }
        let zygote = try await zygote()
        let slot = try takeSlot()
        let prepared = await prepare(slot, limits)
        let (jail, listener): (Jail, Int32)
        switch prepared {
        case .success(let made): (jail, listener) = made
        case .failure(let failure):
            state.withLock { $0.freeSlots.append(slot) }
            throw failure
        }
        state.withLock { $0.jails[slot] = jail }
        let folder = cgroups.folderName(of: slot)
        switch await zygote.clone(jail, cgroup: folder, listener: OwnedDescriptor(listener)) {
        case .success(let process):
            jail.process = process
            // The zygote may have been lost between its answer and now, and then nobody reports this jail.
            if !isServing(zygote) { jailEnded(slot, .zygoteLost) }
            return jail
        case .failure(let end):
            jailEnded(slot, end)
            jail.closeConnection()
            throw end.failure(limits)
        }
    }

    private func cloneEnded() {
        let waiting: [CheckedContinuation<Void, Never>] = state.withLock { state in
            state.clones -= 1
            guard state.clones == 0 else { return [] }
            defer { state.clonesWaiters = [] }
            return state.clonesWaiters
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits until no jail is being made. Called when no other will be begun.
    func clonesEnded() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.clones > 0 { state.clonesWaiters.append(continuation) }
                return state.clones == 0
            }
            if isOver { continuation.resume() }
        }
    }

    /// Ends a jail that no sandbox uses.
    func discard(_ jail: Jail) {
        kill(jail)
        jail.closeConnection()
    }

    /// Asks for a jail's end; ``Jail/ended()`` waits for it.
    func kill(_ jail: Jail) {
        guard jail.end == nil else { return }
        let zygote: Zygote? = state.withLock { state in
            if case .serving(let zygote) = state.zygote { zygote } else { nil }
        }
        // Without a zygote its end has been reported or is about to be.
        zygote?.kill(jail)
    }

    /// Clones jails in the background until the pool is full again.
    func refill() {
        let isNeeded = state.withLock { state in
            guard state.phase == .running, !state.isRefilling, state.warm.count < configuration.warmPoolSize else {
                return false
            }
            state.isRefilling = true
            return true
        }
        guard isNeeded else { return }
        // Ends with the pool full, with the first failure (the next `make` meets it and says so) or with the host.
        Task(executorPreference: loops.loops[0]) {
            while let jail = try? await self.coldJail(self.configuration.limits), self.keepWarm(jail) {}
            self.state.withLock { $0.isRefilling = false }
        }
    }

    /// Adds to the pool. Returns whether it wants more.
    private func keepWarm(_ jail: Jail) -> Bool {
        let (isKept, isMoreWanted) = state.withLock { state in
            guard state.phase == .running, jail.end == nil else { return (false, false) }
            state.warm.append(jail)
            return (true, state.warm.count < configuration.warmPoolSize)
        }
        if !isKept { discard(jail) }
        return isMoreWanted
    }

    // MARK: - Slots

    private func takeSlot() throws(Failure) -> UInt32 {
        try state.withLock { (state) throws(Failure) in
            if let slot = state.freeSlots.popLast() { return slot }
            guard state.firstUnusedSlot < UInt32(ROCK_ZYGOTE_SLOTS) else {
                throw Failure(.overloaded, "This host has no room for another sandbox. Close one, then try again.")
            }
            defer { state.firstUnusedSlot += 1 }
            return state.firstUnusedSlot
        }
    }

    /// Writes the slot's limits and opens its socket. Blocks only where the slot's cgroup folders must change.
    private func prepare(_ slot: UInt32, _ limits: Limits) async -> Result<(Jail, Int32), Failure> {
        let work = { @Sendable [cgroups, path = temporarySocket(slot)] in
            Result { () throws(Failure) in
                try cgroups.prepare(slot, for: limits)
                var (listener, connection): (Int32, Int32) = (-1, -1)
                let result = rock_jail_socket(path, &listener, &connection)
                guard result == 0 else {
                    throw Failure(.infraFailed, "The socket \(path) could not be made: \(KernelFile.reason(-result)).")
                }
                return (Jail(slot: slot, limits: limits, path: path, connection: connection), listener)
            }
        }
        if cgroups.isPrepared(slot, for: limits) { return work() }
        do {
            return try await BlockingPool.run(work)
        } catch {
            return .failure(Failure(.infraFailed, "No thread for blocking work: \(error)."))
        }
    }

    // MARK: - Zygote

    /// The zygote, started if there is none.
    func zygote() async throws(Failure) -> Zygote {
        while true {
            enum Next { case use(Zygote), start, wait }
            let next: Next = try state.withLock { (state) throws(Failure) in
                guard state.phase == .running else { throw Failure(.shuttingDown, "The host is shutting down.") }
                switch state.zygote {
                case .serving(let zygote): return .use(zygote)
                case .starting: return .wait
                case .none:
                    state.zygote = .starting([])
                    return .start
                }
            }
            switch next {
            case .use(let zygote): return zygote
            case .start: return try await startZygote()
            case .wait: await zygoteStarted()
            }
        }
    }

    private func zygoteStarted() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard case .starting(let waiting) = state.zygote else { return true }
                state.zygote = .starting(waiting + [continuation])
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// What this host hears of a zygote.
    var zygoteEvents: Zygote.Events {
        Zygote.Events(
            jailEnded: { [weak self] in self?.jailEnded($0, $1) }, lost: { [weak self] in self?.zygoteLost($0) })
    }

    private func startZygote() async throws(Failure) -> Zygote {
        let outcome: Result<Zygote, Failure>
        do throws(Failure) {
            outcome = .success(
                try await Zygote.start(
                    configuration, cgroups: cgroups, door: runDirectory.door, loop: loops.loops[0],
                    events: zygoteEvents))
        } catch {
            outcome = .failure(error)
        }
        let (waiting, isUnwanted) = state.withLock { state in
            var waiting: [CheckedContinuation<Void, Never>] = []
            if case .starting(let continuations) = state.zygote { waiting = continuations }
            state.zygote = .none
            guard case .success(let zygote) = outcome else { return (waiting, false) }
            guard state.phase == .running else { return (waiting, true) }
            state.zygote = .serving(zygote)
            state.isolation = IsolationReport(walls: zygote.walls, refusals: zygote.refusals, cgroups: cgroups)
            return (waiting, false)
        }
        for continuation in waiting { continuation.resume() }
        let zygote = try outcome.get()
        guard isUnwanted else { return zygote }
        await zygote.stop()
        throw Failure(.shuttingDown, "The host is shutting down.")
    }

    private func isServing(_ zygote: Zygote) -> Bool {
        state.withLock { state in
            if case .serving(let current) = state.zygote { current === zygote } else { false }
        }
    }

    // MARK: - Ends

    /// Takes note of a jail's end and frees what it held. Runs on the first loop.
    private func jailEnded(_ slot: UInt32, _ end: JailEnd) {
        let (jail, isWarm): (Jail?, Bool) = state.withLock { state in
            let warm = state.warm.firstIndex { $0.slot == slot }
            if let warm { state.warm.remove(at: warm) }
            return (state.jails.removeValue(forKey: slot), warm != nil)
        }
        guard let jail else { return }
        if isWarm { jail.closeConnection() }
        let isMemory = end == .signalled(SIGKILL) && cgroups.takeOutOfMemory(slot)
        free(slot)
        jail.finish(isMemory ? .outOfMemory : end)
    }

    /// Folders of ended jails are used again; those of a crowd that has gone are removed.
    private func free(_ slot: UInt32) {
        let isOneTooMany = state.withLock { state in
            let isOneTooMany = state.phase == .running && state.freeSlots.count >= configuration.warmPoolSize + 64
            if !isOneTooMany { state.freeSlots.append(slot) }
            return isOneTooMany
        }
        guard isOneTooMany else { return }
        Task(executorPreference: loops.loops[0]) {
            // Without a thread for it the folder stays for the slot's next jail.
            try? await BlockingPool.run { self.cgroups.remove(slot) }
            self.state.withLock { $0.freeSlots.append(slot) }
        }
    }

    private func zygoteLost(_ zygote: Zygote) {
        let (slots, isRunning): ([UInt32], Bool) = state.withLock { state in
            guard case .serving(let current) = state.zygote, current === zygote else { return ([], false) }
            state.zygote = .none
            state.inheritance.hasZygote = false
            return (Array(state.jails.keys), state.phase == .running)
        }
        for slot in slots { jailEnded(slot, .zygoteLost) }
        // One that never made a jail would only be lost again.
        if isRunning && !slots.isEmpty { refill() }
    }
}
