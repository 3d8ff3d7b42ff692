import GEM
import Glibc
import Transport

/// From a container to an answering rocklet.
extension DockerDriver {
    /// Starts a container that has been made.
    ///
    /// - Parameters:
    ///   - launch: What it is started with.
    ///   - report: Told when the rocklet answers.
    /// - Returns: The sandbox, on record and watched.
    /// - Throws: ``Failure``; then the container may be running.
    func launch(
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
        try verify(launch, process)
        try await connect(launch, process)
        let walls = ContainerWalls(
            launch.specification, launch.info, mapsUsers: process?.mapsUsers ?? launch.info.mapsUsers,
            limitsDisk: launch.limitsDisk, limitsRunFolder: launch.limitsRunFolder,
            holdsNetworkPolicy: network != nil)
        if configuration.minimumIsolation == .strict, let complaint = walls.complaint {
            throw Failure(
                .isolationRefused, "The container engine gives less isolation than is asked for. \(complaint)")
        }
        let sandbox = watch(launch.specification, state, process, engine)
        let agent = AgentAddress(folder: launch.run.path)
        var record = StateFolder.State(driver: name, specification: launch.specification)
        record.process = process?.number ?? 0
        record.processStart = process?.start ?? 0
        record.imageDigest = state.image
        record.details = [
            "container": .string(state.id), "isolation": walls.json, "limits_disk": .bool(launch.limitsDisk),
            "limits_run_folder": .bool(launch.limitsRunFolder),
        ]
        do {
            record.ports = try await publish(
                launch.specification, agent, network == nil ? state.ports : launch.ports)
            let written = record
            try await Self.blocking { () throws(Failure) in try launch.run.state.write(written) }
            try await answer(sandbox, agent, arrivals, engine)
        } catch {
            sandbox.release()
            throw error
        }
        keep(sandbox)
        report(.answering)
        return running(sandbox, state, process, record.ports, walls.json.serialized)
    }

    /// Watches a container that runs.
    func watch(
        _ specification: SandboxSpecification, _ state: ContainerState, _ process: ProcessIdentity?, _ engine: Engine
    ) -> DockerSandbox {
        DockerSandbox(specification, container: state.id, process: process, engine: engine) { [network] in
            // Its interface is gone with it; what is left is a few rules, which the next start of the server removes too.
            _ = try? await network?.release(specification.id)
        }
    }

    /// Sees to it that what is mounted is what was allowed. Nothing but the rocklet has run yet.
    private func verify(_ launch: Launch, _ process: ProcessIdentity?) throws(Failure) {
        guard let process, !MountPolicy.isMounted(launch.mounts, in: process) else { return }
        throw Failure(
            .forbidden,
            "What was to be mounted into sandbox \(launch.specification.id) was replaced by something else meanwhile.")
    }

    /// What callers get to know of a sandbox.
    func running(
        _ sandbox: DockerSandbox, _ state: ContainerState, _ process: ProcessIdentity?, _ ports: [UInt16: UInt16],
        _ isolation: [UInt8], _ losses: [String] = []
    ) -> RunningSandbox {
        RunningSandbox(
            id: sandbox.id, driver: name, agent: AgentAddress(folder: RunFolder(state: folder(sandbox.id)).path),
            isolation: isolation, process: process?.number ?? 0, ports: ports, imageDigest: state.image,
            losses: losses, ended: { await sandbox.ending.wait() })
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
}
