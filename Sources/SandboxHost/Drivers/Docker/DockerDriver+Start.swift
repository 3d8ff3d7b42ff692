package import GEM
import Glibc
import Transport

/// A container is made and its rocklet answers.
extension DockerDriver {
    package func start(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        try check(specification)
        report(.pullingImage(message: "image pull running"))
        let image = try await resolve(specification.image, specification.pull, specification.credentials) { message in
            report(.pullingImage(message: "image pull running: \(message)"))
        }
        report(.imageReady(message: image.wasThere ? "image pull skipped: the image is cached" : "image pull success"))
        let info = try await info()
        let run = RunFolder(state: folder(specification.id))
        let connects = connects(specification)
        let isLimited = try await Self.blocking { () throws(Failure) in try run.make(isOpen: info.mapsUsers) }
        do {
            report(.launching)
            let sources = try await Self.blocking { () throws(Failure) in
                if connects { try run.write(resolverConfiguration: "") }
                try run.write(seccompProfile: ContainerSeccomp.text)
                return try MountPolicy.sources(specification.mounts)
            }
            let limitsDisk = try await create(specification, image: image.digest, run, info)
            let launch = Launch(
                specification: specification, run: run, info: info, mounts: sources, limitsDisk: limitsDisk,
                limitsRunFolder: isLimited)
            return try await self.launch(launch, report)
        } catch {
            await discard(run)
            throw error
        }
    }

    package func restart(
        _ specification: SandboxSpecification, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        let run = RunFolder(state: folder(specification.id))
        let state = try await Self.blocking { () throws(Failure) in
            run.clear()
            return run.state.read()
        }
        guard let state, state.driver == name else {
            throw Failure(.unknownSandbox, "The docker driver keeps no stopped sandbox \(specification.id).")
        }
        // What is mounted may have become something else meanwhile.
        try MountPolicy(allowed: configuration.allowedMounts, hidden: configuration.hiddenFolder).check(
            state.specification.mounts)
        let sources = try await Self.blocking { () throws(Failure) in
            try MountPolicy.sources(state.specification.mounts)
        }
        let info = try await info()
        report(.pullingImage(message: "image pull running"))
        report(.imageReady(message: "image pull skipped: the sandbox has its files"))
        report(.launching)
        let launch = Launch(
            specification: state.specification, run: run, info: info, mounts: sources,
            ports: state.ports, limitsDisk: state.details["limits_disk"]?.bool ?? false,
            limitsRunFolder: state.details["limits_run_folder"]?.bool ?? false)
        do {
            return try await self.launch(launch, report)
        } catch {
            // Its layer stays for another try.
            let container = containerName(specification.id)
            let engine = try engine()
            await Task {
                // What does not run any more need not be stopped.
                _ = try? await engine.perform(EngineCall("POST", "/containers/\(container)/kill"))
                _ = try? await self.network?.release(specification.id)
            }.value
            throw error
        }
    }

    /// What a container is started with.
    struct Launch: Sendable {
        let specification: SandboxSpecification
        let run: RunFolder
        let info: EngineInfo
        let mounts: MountPolicy.Sources
        /// The ports that it had before.
        var ports: [UInt16: UInt16] = [:]
        let limitsDisk: Bool
        let limitsRunFolder: Bool
    }

    // MARK: What may be asked for

    private func check(_ specification: SandboxSpecification) throws(Failure) {
        if case .allow = specification.network, network == nil {
            throw Failure(
                .isolationRefused,
                "A container engine cannot hold a sandbox to a list of destinations. Run the server as root, or use the "
                    + "runtime jail, or ask for network none or outbound.")
        }
        let limits = specification.limits
        guard 6 << 20...1 << 50 ~= limits.memoryBytes, 0.01...4096 ~= limits.cpus, 1...1 << 22 ~= limits.processes,
            1 << 20...1 << 60 ~= limits.diskBytes ?? 1 << 30
        else {
            throw Failure(
                .invalidArgument,
                "Limits must be 6 MiB to 1 PiB of memory, 0.01 to 4096 processors, 1 to 4194304 processes and at least 1 MiB "
                    + "of disk.")
        }
        for name in specification.environment.keys where name.isEmpty || name.utf8.contains(0x3D) {
            throw Failure(
                .invalidArgument, "A variable's name is not empty and holds no \"=\": \(EngineText.line(name))")
        }
        try MountPolicy(allowed: configuration.allowedMounts, hidden: configuration.hiddenFolder).check(
            specification.mounts)
    }

    // MARK: The container

    /// Makes the container.
    ///
    /// - Returns: Whether the engine limits its layer as asked.
    private func create(
        _ specification: SandboxSpecification, image: String, _ run: RunFolder, _ info: EngineInfo
    ) async throws(Failure) -> Bool {
        let missing = [
            (info.limitsMemory, "memory"), (info.limitsProcessors, "processors"), (info.limitsProcesses, "processes"),
        ].filter { !$0.0 }.map(\.1)
        guard missing.isEmpty else {
            throw Failure(
                .isolationRefused,
                "The container engine does not limit \(missing.joined(separator: ", ")). Run rockctl doctor.")
        }
        let wantsDisk = specification.limits.diskBytes != nil
        if wantsDisk, limitsDisk != false {
            do {
                try await create(specification, image, run, info, limitsDisk: true)
                limitsDisk = true
                return true
            } catch {
                // Engines say this in as many words as they have storage drivers, but all name the option.
                let words = error.message.lowercased()
                guard words.contains("storage-opt") || words.contains("storage opt") || words.contains("quota") else {
                    throw error.failure("The container of sandbox \(specification.id) cannot be made")
                }
                limitsDisk = false
            }
        }
        do {
            try await create(specification, image, run, info, limitsDisk: false)
        } catch {
            throw error.failure("The container of sandbox \(specification.id) cannot be made")
        }
        return false
    }

    private func create(
        _ specification: SandboxSpecification, _ image: String, _ run: RunFolder, _ info: EngineInfo, limitsDisk: Bool
    ) async throws(EngineError) {
        let engine: Engine
        do { engine = try self.engine() } catch { throw EngineError(kind: .unreachable, message: error.message) }
        let product = try await engine.identify().product
        let request = ContainerRequest(
            specification: specification, server: configuration.serverName, image: image, runFolder: run.path,
            rocklet: configuration.rockletPath, descriptors: Self.descriptors(product), labelsFiles: info.labelsFiles,
            limitsDisk: limitsDisk, resolverFile: connects(specification) ? run.resolverFile : nil,
            seccomp: info.filtersSystemCalls ? product == .podman ? run.seccompFile : ContainerSeccomp.text : nil)
        let call = EngineCall(
            "POST", "/containers/create", query: [("name", containerName(specification.id))], body: request.json)
        do throws(EngineError) {
            try await Self.perform(call, on: engine)
        } catch {
            guard error.kind == .refused(409) || error.message.contains("already in use") else { throw error }
            // Left by a start that was cut off: the state folder, which this start has just made, says that nobody has it.
            try await removeContainer(containerName(specification.id))
            try await Self.perform(call, on: engine)
        }
    }

    /// Makes a call that cancelling does not break off: Podman keeps half a container where its maker goes away, and cannot
    /// list any from then on.
    private static func perform(_ call: EngineCall, on engine: Engine) async throws(EngineError) {
        try await Task { () async -> Result<Void, EngineError> in
            do throws(EngineError) {
                _ = try await engine.json(call)
                return .success(())
            } catch { return .failure(error) }
        }.value.get()
    }

    /// How many files a process inside may open. Docker may grant a billion, and programs that close every number there could
    /// be then take minutes; Podman takes one such limit from a request as the wish to have no other of its own.
    ///
    /// - Returns: 65536 or this process's own hard limit, which an engine of the same machine can hardly exceed.
    private static func descriptors(_ product: EngineVersion.Product) -> Int? {
        var limit = rlimit()
        guard product == .docker, getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return nil
        }
        return Int(min(limit.rlim_max, 65_536))
    }

    /// Removes what a failed start has left, also when the start was cancelled.
    private func discard(_ run: RunFolder) async {
        let name = containerName(run.state.id)
        // A task of its own, because cancelling the start is not to cancel this.
        await Task {
            // What cannot be removed now is found by its label, and removed, when the server starts again.
            _ = try? await removeContainer(name)
            _ = try? await network?.release(run.state.id)
            _ = try? await Self.blocking { () throws(Failure) in try run.remove() }
        }.value
    }
}
