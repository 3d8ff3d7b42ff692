import CLinux
package import GEM
import Glibc
import Synchronization
import Transport

/// What a host stands on: its folder, its cgroups, and what a killed predecessor left in both.
struct Ground: Sendable {
    let directory: RunDirectory
    let cgroups: CgroupTree
    let survivors: Survivors?
    /// Why nothing of what was left could be kept; `nil` where it was kept, or there was nothing.
    let loss: Failure?

    /// Blocks for as long as the kernel and a waiting zygote take.
    ///
    /// - Throws: ``Failure`` where the folder cannot be used.
    init(_ configuration: HostConfiguration) throws(Failure) {
        directory = try RunDirectory(configuration.runDirectory)
        switch try Survivors.find(behind: directory.door, identity: configuration.zygoteIdentity) {
        case .survivors(let survivors):
            let note = KernelFile.read(directory.cgroupNote).flatMap { try? JSON(parsing: $0) }
            guard let note, let tree = CgroupTree(note: note, living: survivors.living.keys) else {
                try survivors.end()
                (self.survivors, loss) = (nil, Self.lost("what the server before it noted cannot be read."))
                break
            }
            (cgroups, self.survivors, loss) = (tree, survivors, nil)
            // Of those in the pool; nobody has been promised one.
            directory.sweep { !$0.hasPrefix("jail_") }
            return
        case .ended:
            (survivors, loss) = (nil, Self.lost("it is of another version, or has other settings for sandboxes."))
        case .nothing: (survivors, loss) = (nil, nil)
        }
        directory.sweep { _ in false }
        cgroups = CgroupTree(name: directory.name)
        // Where it cannot be written, the next host keeps nothing and says so.
        if configuration.lingerSeconds > 0 { _ = Self.write(cgroups.note.serialized, to: directory.cgroupNote) }
    }

    private static func lost(_ reason: String) -> Failure {
        Failure(
            .infraFailed,
            "A new server has taken over and could not go on with this environment: \(reason) Reset or make a new one.")
    }

    private static func write(_ bytes: [UInt8], to path: String) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        return -rock_write_all(descriptor, bytes, bytes.count)
    }
}

/// What a killed host's zygote said, until it is known what is wanted of it.
struct Inheritance {
    /// The jails that live and belong to no sandbox yet, by slot.
    var unclaimed: [UInt32: Jail] = [:]
    var ended: [UInt32: (process: Int32, end: JailEnd)] = [:]
    var loss: Failure?
    /// Whether there is a zygote that another host has started.
    var hasZygote = false
}

/// Sandboxes from host to host.
extension SandboxHost {
    /// Takes over the zygote that was found, with every jail. Called before anything is made.
    func inherit(_ ground: Ground) async {
        guard let survivors = ground.survivors else {
            state.withLock { $0.inheritance.loss = ground.loss }
            return
        }
        let jails = survivors.living.map { slot, process in
            let jail = Jail(slot: slot, limits: configuration.limits, path: "", connection: -1)
            jail.process = process
            return (slot, jail)
        }
        state.withLock { state in
            state.inheritance.hasZygote = true
            state.inheritance.unclaimed = Dictionary(uniqueKeysWithValues: jails)
            state.inheritance.ended = survivors.ended
            state.jails = state.inheritance.unclaimed
            state.firstUnusedSlot = survivors.living.keys.max().map { $0 + 1 } ?? 0
            state.freeSlots = (0..<state.firstUnusedSlot).filter { survivors.living[$0] == nil }
        }
        let zygote = await Zygote.adopt(
            survivors, linger: configuration.lingerSeconds, loop: loops.loops[0], events: zygoteEvents)
        state.withLock { state in
            state.zygote = .serving(zygote)
            state.isolation = IsolationReport(walls: zygote.walls, refusals: zygote.refusals, cgroups: cgroups)
        }
    }

    /// Goes on with a sandbox of the host before this one.
    ///
    /// - Parameters:
    ///   - id: Its name.
    ///   - place: What ``Sandbox/place`` was.
    ///   - onEnd: Called once, on any thread, if it ends before it is closed.
    /// - Returns: The sandbox. One that has ended, or could not be kept, says why in ``Sandbox/failure``.
    package func adopt(
        _ id: SandboxID, at place: SandboxPlace, onEnd: (@Sendable (Failure) -> Void)? = nil
    ) -> Sandbox {
        let path = runDirectory.socket(id.rawValue)
        let connection = rock_jail_connect(path)
        let jail = Jail(slot: place.slot, limits: place.limits, path: path, connection: connection)
        jail.process = place.process
        let sandbox = Sandbox(id, jail, host: self, loop: loops.next(), onEnd: onEnd)
        let failure: Failure? = state.withLock { state in
            guard let found = state.inheritance.unclaimed[place.slot], found.process == place.process,
                found.end == nil, state.sandboxes[id] == nil
            else { return reason(place, state.inheritance) }
            guard connection >= 0 else {
                return Failure(
                    .infraFailed,
                    "The sandbox's socket \(path) cannot be used: \(KernelFile.reason(-connection)). Reset or make a new environment."
                )
            }
            state.inheritance.unclaimed[place.slot] = nil
            state.jails[place.slot] = jail
            state.sandboxes[id] = sandbox
            return nil
        }
        guard let failure else {
            sandbox.begin()
            return sandbox
        }
        jail.closeConnection()
        return lost(id, failure)
    }

    /// A sandbox that has ended, for `failure`, and never was this host's.
    package func lost(_ id: SandboxID, _ failure: Failure) -> Sandbox {
        let jail = Jail(slot: .max, limits: configuration.limits, path: "", connection: -1)
        jail.finish(.zygoteLost)
        return Sandbox(id, jail, host: self, loop: loops.next(), failure: failure, onEnd: nil)
    }

    private func reason(_ place: SandboxPlace, _ inheritance: Inheritance) -> Failure {
        if let loss = inheritance.loss { return loss }
        var end: JailEnd?
        if let jail = inheritance.unclaimed[place.slot], jail.process == place.process {
            end = jail.end
        } else if let past = inheritance.ended[place.slot], past.process == place.process {
            end = past.end
        }
        return (end ?? .zygoteLost).failure(place.limits)
    }

    /// Ends every jail that ``adopt(_:at:onEnd:)`` was not called for, and removes what they left.
    package func endUnclaimed() {
        let (jails, sandboxes) = state.withLock { state in
            defer { state.inheritance = Inheritance(hasZygote: state.inheritance.hasZygote) }
            return (Array(state.inheritance.unclaimed.values), Set(state.sandboxes.keys.map(\.rawValue)))
        }
        for jail in jails { kill(jail) }
        // Names with an underscore are this host's own: its zygote's, and those of jails in the pool.
        runDirectory.sweep { $0.contains("_") || sandboxes.contains($0) }
    }

    /// Gives up without ending what is another host's: for a server that could not be started. The zygote waits for the
    /// next one; where this host has started its own, everything is ended.
    package func giveUp() async {
        let zygote: Zygote? = state.withLock { state in
            guard state.inheritance.hasZygote, case .serving(let zygote) = state.zygote else { return nil }
            state.phase = .closed
            return zygote
        }
        guard let zygote else { return await shutDown() }
        let (warm, sandboxes) = state.withLock { ($0.warm, Array($0.sandboxes.values)) }
        for jail in warm { jail.closeConnection() }
        for sandbox in sandboxes { await sandbox.release() }
        await zygote.leave()
        runDirectory.leave()
    }
}
