import CLinux
package import GEM
import Glibc
import Synchronization
import Transport

extension JailDriver {
    package func start(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        try specification.check(configuration)
        let ground = try await ground()
        let folder = StateFolder(specification.id, in: configuration.sandboxes)
        try await blocking { () throws(Failure) in
            guard mkdir(folder.path, 0o700) == 0 else {
                throw errno == EEXIST
                    ? Failure(.conflict, "There is a sandbox called \(folder.id) already. Choose another name.")
                    : Failure(.infraFailed, "\(folder.path) cannot be made: \(KernelFile.reason(errno)).")
            }
        }
        do throws(Failure) {
            // What it is to be, before anything of it is made: a successor of this process finds it, and clears it away.
            try await blocking { () throws(Failure) in
                var state = StateFolder.State(driver: Self.driverName, specification: specification)
                state.phase = .starting
                try folder.write(state, isDurable: false)
            }
            let root = try await root(of: specification, image: specification.image, report)
            report(.launching)
            if let size = specification.limits.diskBytes {
                try await disk.make(folder.path + "/disk", size: size)
            } else if mkdir(folder.path + "/layer", 0o755) != 0 {
                throw Failure(.infraFailed, "\(folder.path)/layer cannot be made: \(KernelFile.reason(errno)).")
            }
            return try await launch(specification, root, folder, ground, as: .starting, report)
        } catch {
            // Where this fails too, the next server finds a start that came to nothing.
            try? await remove(specification.id)
            throw error
        }
    }

    package func restart(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        try specification.check(configuration)
        let ground = try await ground()
        let folder = StateFolder(specification.id, in: configuration.sandboxes)
        let previous = try await blocking { folder.read() }
        guard let previous, previous.driver == Self.driverName else {
            throw Failure(.unknownSandbox, "There is no sandbox called \(specification.id) to start again.")
        }
        guard state.withLock({ $0.jails[specification.id] }) == nil else {
            throw Failure(.conflict, "The sandbox \(specification.id) is running.")
        }
        var specification = specification
        // Its layer is what it is, and fits on no other image, whatever has the name now.
        specification.limits.diskBytes = previous.specification.limits.diskBytes
        specification.image = previous.specification.image
        specification.pull = .never
        let image = previous.imageDigest.isEmpty ? specification.image : previous.imageDigest
        let root = try await root(of: specification, image: image, report)
        report(.launching)
        if specification.limits.diskBytes != nil { try await disk.mend(folder.path + "/disk") }
        return try await launch(specification, root, folder, ground, as: .restarting, report)
    }

    // MARK: - Root filesystems

    private func root(
        of specification: SandboxSpecification, image: String, _ report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> JailRoot {
        report(.pullingImage(message: "Looking for the image \(image)."))
        let root = try await root(
            of: image, for: specification.id, pull: specification.pull, credentials: specification.credentials
        ) { report(.pullingImage(message: $0)) }
        report(.imageReady(message: "The image \(image) is here."))
        return root
    }

    func root(
        of image: String, for holder: SandboxID?, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) -> JailRoot {
        if image == SandboxSpecification.hostImage {
            _ = try await ground()
            return try await blocking { [host] () throws(Failure) in try host.root() }
        }
        let found = try await images.image(
            image, for: holder, pull: pull, credentials: credentials, report: report)
        return JailRoot(
            parts: [JailRoot.Part(target: "", name: "", layers: found.layers)], environment: found.environment,
            digest: found.digest)
    }

    // MARK: - The process

    /// Starts the process and sees it through to the rocklet's first answer.
    private func launch(
        _ specification: SandboxSpecification, _ root: JailRoot, _ folder: StateFolder, _ ground: Ground,
        as phase: JailPhase, _ report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        let range = try ranges.take()
        let loop = loops.next()
        var state = StateFolder.State(driver: Self.driverName, specification: specification)
        state.phase = phase
        state.range = range
        state.boot = StateFolder.State.currentBoot
        state.imageDigest = root.digest
        state.hostCopy = root.hostCopy
        let spawned: SpawnedGuest
        do throws(Failure) {
            spawned = try await blocking { () throws(Failure) in
                try self.spawn(specification, root, folder: folder.path, range: range, ground.cgroups, on: loop)
            }
        } catch {
            ground.cgroups.remove(specification.id)
            ranges.giveBack(range)
            throw error
        }
        state.process = spawned.guest.process
        state.processStart = spawned.guest.processStart
        let jail = RunningJail(
            specification, spawned.guest, range: range, imageDigest: root.digest, hostCopy: root.hostCopy)
        self.state.withLock { $0.jails[jail.id] = jail }
        watch(jail, ground)
        let deadline = loop.schedule(at: loop.now + configuration.startTimeout) { jail.guest.signal(SIGKILL) }
        defer { deadline.cancel() }
        do throws(Failure) {
            // Who it is, before it can do anything that would have to be found again.
            try await blocking { [state] () throws(Failure) in try folder.write(state, isDurable: false) }
            try await connect(jail, spawned, folder)
            if configuration.awaitsAnswer { try await expectAnswer(jail, folder, on: spawned.loop) }
            let ports = try await publish(jail, folder, wanted: [:])
            state.phase = .running
            state.ports = ports
            try await blocking { [state] () throws(Failure) in try folder.write(state, isDurable: false) }
            report(.answering)
            return jail.sandbox(in: folder, ports: ports)
        } catch {
            jail.guest.signal(SIGKILL)
            _ = await jail.end.value()
            let log = spawned.text
            throw log.isEmpty ? error : Failure(error.kind, "\(error.message) It said: \(log)")
        }
    }

    /// Waits for the namespaces, connects them, and lets the guest become the rocklet.
    private func connect(_ jail: RunningJail, _ spawned: SpawnedGuest, _ folder: StateFolder) async throws(Failure) {
        defer { spawned.control.close() }
        try await spawned.control.expectReady()
        let attachment = try await attach(jail)
        let hostname = jail.specification.guestHostname
        try await blocking { () throws(Failure) in
            try GuestFiles.fill(in: folder.path, hostname: hostname, attachment)
        }
        spawned.control.go()
        if case .failed(let failure) = await spawned.control.next() { throw failure }
    }

    /// The one place where a sandbox's network comes from: its namespace is there, and none of its programs runs yet.
    private func attach(_ jail: RunningJail) async throws(Failure) -> NetworkAttachment {
        guard jail.specification.network != .none else { return .loopbackOnly }
        let path = "/proc/\(jail.guest.process)/ns/net"
        let namespace = open(path, O_RDONLY | O_CLOEXEC)
        guard namespace >= 0 else { throw Failure(.infraFailed, "\(path): \(KernelFile.reason(errno)).") }
        let owned = OwnedDescriptor(namespace)
        return try await network.attach(jail.id, namespace: owned.rawValue, policy: jail.specification.network)
    }

    private func expectAnswer(_ jail: RunningJail, _ folder: StateFolder, on loop: EventLoop) async throws(Failure) {
        let agent = SandboxAgent(AgentAddress(folder: folder.path), of: jail.id, on: loop)
        let answer = try await agent.call("GET", "/is_alive", timeout: configuration.startTimeout, limit: 1 << 16)
        guard answer.status == 200 else {
            throw Failure(.infraFailed, "The sandbox's rocklet answered /is_alive with \(answer.status).")
        }
    }

    /// Listens for its published ports on the machine.
    ///
    /// - Parameters:
    ///   - jail: Whose they are.
    ///   - folder: Where its rocklet, which connects inside, is reached.
    ///   - wanted: The ports that it had before.
    /// - Returns: Ports inside to ports of the machine's.
    /// - Throws: ``Failure`` where nothing can be listened on.
    func publish(
        _ jail: RunningJail, _ folder: StateFolder, wanted: [UInt16: UInt16]
    ) async throws(Failure) -> [UInt16: UInt16] {
        let inside = jail.specification.publishedPorts
        guard !inside.isEmpty else { return [:] }
        let agent = SandboxAgent(AgentAddress(folder: folder.path), of: jail.id, on: loops.next())
        let ports = Dictionary(inside.map { ($0, wanted[$0] ?? 0) }) { first, _ in first }
        return try await network.publish(jail.id, ports: ports) { port async throws(Failure) in
            let socket = try await agent.connect(port: port)
            let descriptor = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
            socket.loop.execute { socket.close() }
            guard descriptor >= 0 else {
                throw Failure(.overloaded, "Port \(port) cannot be reached: \(KernelFile.reason(errno)).")
            }
            return OwnedDescriptor(descriptor)
        }
    }
}

extension GuestControl {
    /// Waits until the guest's namespaces are there.
    ///
    /// - Throws: ``Failure`` with what went wrong.
    fileprivate func expectReady() async throws(Failure) {
        switch await next() {
        case .ready: return
        case .failed(let failure): throw failure
        case .ended:
            throw Failure(.infraFailed, "The sandbox's first process ended, or took too long, before its walls stood.")
        }
    }
}
