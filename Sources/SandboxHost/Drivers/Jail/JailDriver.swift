import CLinux
package import GEM
import Glibc
import Synchronization
package import Transport

// Sandboxes with a root filesystem, made of Linux namespaces: no daemon, no copying.
//
//   JailDriver.swift            what the driver can do
//   JailDriver+Start.swift      from a specification to an answering rocklet
//   JailDriver+Adopt.swift      what a predecessor left: living sandboxes, and remains
//   JailDriver+Examine.swift    what works on this machine
//   JailConfiguration.swift     how it is set up
//   GuestPlan.swift             what the first process is told; it builds the sandbox around itself: Sources/CLinux/guest
//   GuestControl.swift          the connection to it meanwhile
//   Guest.swift                 the process, until its end
//   JailRoot.swift, JailImages.swift, HostTree.swift, EtcCopy.swift    where its files come from
//   Disk.swift                  layers of limited size
//   IDRanges.swift              user ids outside
//   JailCgroups.swift           memory, processor time, processes

/// Runs sandboxes as processes of this machine behind namespaces, with root filesystems made of shared read-only layers.
package final class JailDriver: SandboxDriver {
    static let driverName = "jail"

    package var name: String { Self.driverName }
    let configuration: JailConfiguration
    let images: any JailImages
    let network: NetworkFabric
    let loops: EventLoopGroup
    let host: HostTree
    let disk: Disk
    let ranges: IDRanges
    let state = Mutex(State())

    struct State {
        var jails: [SandboxID: RunningJail] = [:]
        /// What is there once for all sandboxes; made on first use.
        var ground: Task<Result<Ground, Failure>, Never>?
    }

    /// What has to be there before the first sandbox.
    final class Ground: Sendable {
        let cgroups: JailCgroups
        private let lock: Mutex<Int32>

        init(_ cgroups: JailCgroups, lock: consuming OwnedDescriptor) {
            self.cgroups = cgroups
            self.lock = Mutex(lock.release())
        }

        /// Lets another server have the folders.
        func unlock() {
            cgroups.unlock()
            lock.withLock { lock in
                if lock >= 0 { close(lock) }
                lock = -1
            }
        }

        deinit { unlock() }
    }

    /// Touches nothing yet.
    ///
    /// - Parameters:
    ///   - configuration: How it is set up.
    ///   - images: Where root filesystems come from.
    ///   - network: What connects sandboxes.
    ///   - loops: Where ends are waited for.
    package init(
        _ configuration: JailConfiguration, images: any JailImages, network: NetworkFabric, loops: EventLoopGroup
    ) {
        self.configuration = configuration
        self.images = images
        self.network = network
        self.loops = loops
        host = HostTree(in: configuration.ownFolder, extra: configuration.hostFolders)
        disk = Disk(in: configuration.ownFolder, on: loops.next())
        ranges = IDRanges(first: configuration.firstID, count: configuration.idRanges)
    }

    // MARK: - The driver's folders

    /// Makes, locks and opens what all sandboxes need, once.
    func ground() async throws(Failure) -> Ground {
        let task = state.withLock { state in
            if let ground = state.ground { return ground }
            let ground = Task { await self.makeGround() }
            state.ground = ground
            return ground
        }
        do {
            return try await task.value.get()
        } catch {
            // What was in the way may be gone next time.
            state.withLock { state in if state.ground == task { state.ground = nil } }
            throw error
        }
    }

    private func makeGround() async -> Result<Ground, Failure> {
        let configuration = configuration
        do throws(Failure) {
            let ground = try await blocking { () throws(Failure) -> Ground in
                guard geteuid() == 0 else { throw Failure(.isolationRefused, Self.needsRoot) }
                for folder in [configuration.dataDirectory, configuration.sandboxes, configuration.ownFolder] {
                    // Nobody else may look in: files in there belong to root by number, set-user-ID files of sandboxes too.
                    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                        throw Failure(.infraFailed, "\(folder) cannot be made: \(KernelFile.reason(errno)).")
                    }
                }
                var lock: Int32 = -1
                let result = rock_lock_folder(configuration.ownFolder, 0, &lock)
                guard result == 0 else {
                    throw Failure(
                        .infraFailed,
                        "\(configuration.ownFolder) cannot be locked: \(KernelFile.reason(-result)). Does another server use the data directory?"
                    )
                }
                let owned = OwnedDescriptor(lock)
                for folder in [configuration.sandboxes, configuration.ownFolder] where chmod(folder, 0o700) != 0 {
                    throw Failure(.infraFailed, "\(folder) cannot be protected: \(KernelFile.reason(errno)).")
                }
                return Ground(
                    JailCgroups(name: configuration.cgroupName, owner: configuration.dataDirectory), lock: owned)
            }
            try await network.start()
            return .success(ground)
        } catch {
            return .failure(error)
        }
    }

    static let needsRoot =
        "The jail driver needs root: an ordinary user has no range of user ids to give, and no idmapped or overlay mounts. Start the server as root, or use the docker driver with a rootless Podman."

    // MARK: - Ends

    package func stop(_ id: SandboxID, grace: Duration) async throws(Failure) {
        guard let jail = state.withLock({ $0.jails[id] }) else { return try await checkStopped(id) }
        let loop = loops.next()
        let guest = jail.guest
        guest.signal(SIGTERM)
        let deadline = loop.schedule(at: loop.now + grace) { guest.signal(SIGKILL) }
        _ = await jail.end.value()
        deadline.cancel()
    }

    private func checkStopped(_ id: SandboxID) async throws(Failure) {
        let folder = StateFolder(id, in: configuration.sandboxes)
        let isThere = try await blocking { folder.read()?.driver == Self.driverName }
        guard isThere else { throw Failure(.unknownSandbox, "There is no sandbox called \(id) here.") }
    }

    package func remove(_ id: SandboxID) async throws(Failure) {
        if let jail = state.withLock({ $0.jails[id] }) {
            jail.guest.signal(SIGKILL)
            _ = await jail.end.value()
        }
        let folder = StateFolder(id, in: configuration.sandboxes)
        let sandboxes = configuration.sandboxes
        try await blocking { [images] () throws(Failure) in
            // A folder of another driver's is not this one's to remove.
            if let state = folder.read(), state.driver != Self.driverName { return }
            try images.release(id)
            // Gone at once by this name, whatever happens while what it held is removed.
            let trash = "\(sandboxes)/.removed-\(id)-\(rock_now_ns())"
            guard rename(folder.path, trash) == 0 || errno == ENOENT else {
                throw Failure(.infraFailed, "\(folder.path) cannot be removed: \(KernelFile.reason(errno)).")
            }
            let result = rock_tree_remove(trash)
            guard result == 0 else {
                throw Failure(.infraFailed, "\(trash) cannot be removed: \(KernelFile.reason(-result)).")
            }
        }
    }

    /// Clears up after a jail whose first process has ended, and says so to whoever waits.
    func watch(_ jail: RunningJail, _ ground: Ground) {
        // Ends with the process it waits for, or with this one.
        Task {
            let exit = await jail.guest.exit()
            // What cannot be taken away now is swept away by the next server; the sandbox is gone in any case.
            if jail.specification.hasNetwork { try? await network.release(jail.id) }
            let folder = StateFolder(jail.id, in: configuration.sandboxes)
            let ranOutOfMemory = try? await blocking { () throws(Failure) in
                let ranOutOfMemory = ground.cgroups.ranOutOfMemory(jail.id)
                ground.cgroups.remove(jail.id)
                if var state = folder.read() {
                    state.process = 0
                    state.phase = .stopped
                    // If it cannot be written, the next server finds that the process is gone.
                    try? folder.write(state)
                }
                return ranOutOfMemory
            }
            state.withLock { state in
                if state.jails[jail.id] === jail { state.jails[jail.id] = nil }
            }
            ranges.giveBack(jail.range)
            // What is left is swept away when the next server starts.
            if jail.hostCopy != nil { _ = try? await blocking { self.sweepHostCopies() } }
            jail.end.settle(jail.end(exit, ranOutOfMemory: ranOutOfMemory ?? false))
        }
    }

    /// Removes copies of the machine's tree that no jail sees any more. Blocks.
    func sweepHostCopies(isOver: Bool = false) {
        // Without its folders they are another driver's.
        guard isOver || state.withLock({ $0.ground != nil }) else { return }
        let jails = state.withLock { Array($0.jails.values) }
        // One of an earlier version of this program does not say which it sees.
        if jails.contains(where: { $0.hostCopy == nil && $0.specification.image == SandboxSpecification.hostImage }) {
            return
        }
        host.sweep(keeping: Set(jails.compactMap(\.hostCopy)), isOver: isOver)
    }

    // MARK: - The end of the server

    /// Lets the driver's folders go, for another server. Sandboxes run on.
    func abandon() async {
        let ground = state.withLock { state in state.ground.take() }
        guard case .success(let ground)? = await ground?.value else { return }
        ground.unlock()
    }

    /// Lets the driver's folders go and removes what no sandbox needs. Sandboxes run on.
    package func shutDown() async {
        let ground = state.withLock { state in state.ground.take() }
        guard case .success(let ground)? = await ground?.value else { return }
        // That no thread for it could be had leaves it to the next server.
        _ = try? await blocking {
            self.sweepHostCopies(isOver: true)
            ground.cgroups.removeRoots()
        }
        ground.unlock()
        try? await network.shutDown()
    }

    // MARK: - While it runs

    package func statistics(_ id: SandboxID) async throws(Failure) -> SandboxStatistics {
        guard let jail = state.withLock({ $0.jails[id] }) else {
            throw Failure(.unknownSandbox, "There is no running sandbox called \(id) here.")
        }
        let ground = try await ground()
        let folder = StateFolder(id, in: configuration.sandboxes).path
        var statistics = try await blocking {
            var statistics = ground.cgroups.statistics(id)
            statistics.memoryLimitBytes = jail.specification.limits.memoryBytes
            statistics.diskLimitBytes = jail.specification.limits.diskBytes
            if jail.specification.limits.diskBytes != nil {
                // Asked of the overlay, this is about the file system of its upper layer.
                var disk = statvfs()
                if statvfs("/proc/\(jail.guest.process)/root", &disk) == 0 {
                    statistics.diskBytes = Int64(disk.f_blocks - disk.f_bfree) * Int64(disk.f_frsize)
                }
            } else {
                statistics.diskBytes = max(0, rock_tree_size(folder + "/layer", 200_000))
            }
            return statistics
        }
        guard jail.specification.network != .none else { return statistics }
        let traffic = try await network.statistics(id)
        statistics.networkBytes = traffic.receivedBytes + traffic.sentBytes
        return statistics
    }

    package var imageCatalog: (any ImageCatalog)? { images as? any ImageCatalog }

    package func prepare(
        image: String, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) {
        _ = try await root(of: image, for: nil, pull: pull, credentials: credentials, report: report)
    }
}

extension JailConfiguration {
    static let cgroupPrefix = "rock.sandboxes-"

    /// The name of the driver's cgroups: the same for every server of a data directory, another for every other.
    var cgroupName: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in dataDirectory.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return Self.cgroupPrefix + String(hash, radix: 16)
    }
}
