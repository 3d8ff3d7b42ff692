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
        let isLimited = try await Self.blocking { () throws(Failure) in try run.make(isOpen: info.mapsUsers) }
        do {
            report(.launching)
            let limitsDisk = try await create(specification, image: image.digest, run, info)
            let launch = Launch(
                specification: specification, run: run, info: info, limitsDisk: limitsDisk, limitsRunFolder: isLimited)
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
        let info = try await info()
        report(.pullingImage(message: "image pull running"))
        report(.imageReady(message: "image pull skipped: the sandbox has its files"))
        report(.launching)
        let launch = Launch(
            specification: state.specification, run: run, info: info,
            limitsDisk: state.details["limits_disk"]?.bool ?? false,
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
            }.value
            throw error
        }
    }

    /// What a container is started with.
    private struct Launch: Sendable {
        let specification: SandboxSpecification
        let run: RunFolder
        let info: EngineInfo
        let limitsDisk: Bool
        let limitsRunFolder: Bool
    }

    // MARK: What may be asked for

    private func check(_ specification: SandboxSpecification) throws(Failure) {
        if case .allow = specification.network {
            throw Failure(
                .isolationRefused,
                "A container engine cannot hold a sandbox to a list of destinations. Use the runtime jail, which can, or "
                    + "ask for network none or outbound.")
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
        try MountPolicy(allowed: configuration.allowedMounts).check(specification.mounts)
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
        let descriptors = Self.descriptors(try await engine.identify().product)
        let request = ContainerRequest(
            specification: specification, server: configuration.serverName, image: image, runFolder: run.path,
            rocklet: configuration.rockletPath, descriptors: descriptors, labelsFiles: info.labelsFiles,
            limitsDisk: limitsDisk)
        let call = EngineCall(
            "POST", "/containers/create", query: [("name", containerName(specification.id))], body: request.json)
        do throws(EngineError) {
            _ = try await engine.json(call)
        } catch {
            guard error.kind == .refused(409) || error.message.contains("already in use") else { throw error }
            // Left by a start that was cut off: the state folder, which this start has just made, says that nobody has it.
            try await removeContainer(containerName(specification.id))
            _ = try await engine.json(call)
        }
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

    // MARK: The launch

    private func launch(
        _ launch: Launch, _ report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        let id = launch.specification.id
        let engine = try engine()
        let container = "/containers/\(containerName(id))"
        let arrivals = try launch.run.arrivals(on: engine.loop)
        defer { arrivals.close() }
        let state: ContainerState
        do {
            try await engine.perform(EngineCall("POST", container + "/start").within(configuration.startLimit))
            state = try ContainerState(try await engine.json(EngineCall("GET", container + "/json")))
        } catch {
            throw error.failure("The container of sandbox \(id) cannot be started")
        }
        let process = ProcessIdentity(state.process, of: state.id)
        let walls = ContainerWalls(
            launch.specification, launch.info, mapsUsers: process?.mapsUsers ?? launch.info.mapsUsers,
            limitsDisk: launch.limitsDisk, limitsRunFolder: launch.limitsRunFolder)
        if configuration.minimumIsolation == .strict, let complaint = walls.complaint {
            throw Failure(
                .isolationRefused, "The container engine gives less isolation than is asked for. \(complaint)")
        }
        let sandbox = DockerSandbox(launch.specification, container: state.id, process: process, engine: engine)
        let running = self.running(sandbox, state, process, walls.json.serialized)
        var record = StateFolder.State(driver: name, specification: launch.specification)
        record.process = running.process
        record.processStart = process?.start ?? 0
        record.ports = state.ports
        record.imageDigest = state.image
        record.details = [
            "container": .string(state.id), "isolation": walls.json, "limits_disk": .bool(launch.limitsDisk),
            "limits_run_folder": .bool(launch.limitsRunFolder),
        ]
        do {
            let written = record
            try await Self.blocking { () throws(Failure) in try launch.run.state.write(written) }
            try await answer(sandbox, running.agent, arrivals, engine)
        } catch {
            sandbox.release()
            throw error
        }
        keep(sandbox)
        report(.answering)
        return running
    }

    /// What callers get to know of a sandbox.
    func running(
        _ sandbox: DockerSandbox, _ state: ContainerState, _ process: ProcessIdentity?, _ isolation: [UInt8]
    ) -> RunningSandbox {
        RunningSandbox(
            id: sandbox.id, driver: name, agent: AgentAddress(folder: RunFolder(state: folder(sandbox.id)).path),
            isolation: isolation, process: process?.number ?? 0, ports: state.ports, imageDigest: state.image,
            ended: { await sandbox.ending.wait() })
    }

    /// Waits for the rocklet's first answer, the container's end or the end of patience, whichever comes first.
    private func answer(
        _ sandbox: DockerSandbox, _ agent: AgentAddress, _ arrivals: ReadableDescriptor, _ engine: Engine
    ) async throws(Failure) {
        do {
            try await Deadline.run(within: configuration.startLimit, on: engine.loop) {
                try await withThrowingTaskGroup(of: SandboxEnd?.self) { group in
                    group.addTask {
                        try await AgentDoor.wait(agent, arrivals, on: engine.loop)
                        return nil
                    }
                    group.addTask { try await sandbox.ending.next() }
                    defer { group.cancelAll() }
                    guard let first = try await group.next(), let end = first else { return }
                    throw EarlyEnd(end: end)
                }
            }
        } catch let early as EarlyEnd {
            throw Failure(
                .infraFailed,
                "The sandbox ended before its rocklet answered: \(early.end.reason)\(await lastWords(sandbox.id, engine))"
            )
        } catch is Deadline.Passed {
            throw Failure(
                .timeout,
                "The rocklet did not answer within \(configuration.startLimit).\(await lastWords(sandbox.id, engine))")
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.infraFailed, "The start of sandbox \(sandbox.id) was given up: \(error).")
        }
    }

    private struct EarlyEnd: Error { let end: SandboxEnd }

    /// The last lines that a container wrote, for a message; empty where there are none.
    private func lastWords(_ id: SandboxID, _ engine: Engine) async -> String {
        let call = EngineCall(
            "GET", "/containers/\(containerName(id))/logs",
            query: [("stdout", "true"), ("stderr", "true"), ("tail", "20")]
        ).within(.seconds(5))
        // The message is worth more than the reason why a part of it is missing.
        guard let bytes = try? await engine.bytes(call) else { return "" }
        let words = ContainerLog.lastLines(bytes)
        return words.isEmpty ? " It wrote nothing." : " Its last words: \(words)"
    }

    /// Removes what a failed start has left, also when the start was cancelled.
    private func discard(_ run: RunFolder) async {
        let name = containerName(run.state.id)
        // A task of its own, because cancelling the start is not to cancel this.
        await Task {
            // What cannot be removed now is found by its label, and removed, when the server starts again.
            _ = try? await removeContainer(name)
            _ = try? await Self.blocking { () throws(Failure) in try run.remove() }
        }.value
    }
}
