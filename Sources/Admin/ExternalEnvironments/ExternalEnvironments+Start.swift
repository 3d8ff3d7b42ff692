import GEM
import SandboxHost
import Synchronization
import Transport

extension ExternalEnvironments {
    /// Starts a sandbox with the program of `manifest`, and has it make what `request` asks for.
    ///
    /// - Returns: The sandbox, ready for a reset or a restore, and what `make` answers.
    /// - Throws: ``Failure``; nothing is left then. `overloaded` where there is no room for another sandbox.
    func start(
        _ id: SandboxID, _ manifest: EnvironmentManifest, _ request: MakeRequest
    ) async throws(Failure) -> (any EnvironmentSandbox, Reply) {
        let episodes = try Self.episodes(manifest, request)
        let need = StartQueue.Need(cpus: manifest.limits.cpus, memoryBytes: manifest.limits.memoryBytes)
        try sandboxes.admit(id, need)
        let sandbox: ExternalSandbox
        do throws(Failure) {
            sandbox = try await starts.run { () async throws(Failure) -> ExternalSandbox in
                try await launch(id, manifest, request, episodes)
            }
        } catch {
            sandboxes.dismiss(id)
            throw error
        }
        do throws(Failure) {
            try await sandbox.make()
        } catch {
            await sandbox.close()
            throw error
        }
        var json = JSONWriter()
        json.beginObject()
        json.name("spec")
        manifest.spec.write(to: &json)
        json.endObject()
        return (sandbox, .result(json.bytes[...]))
    }

    private static func episodes(
        _ manifest: EnvironmentManifest, _ request: MakeRequest
    ) throws(Failure) -> ProgramEpisodes {
        let params = try ServiceParams(request.params.span, 0..<request.params.count)
        let count = try params.integer("num_envs", in: 1...manifest.limits.environments)
        let autoreset: ProgramEpisodes.Autoreset? = try params.word("autoreset")
        let arguments = try manifest.spec.arguments(from: params["kwargs"] ?? .null)
        return ProgramEpisodes(manifest, kwargs: arguments.json, count: count, autoreset: autoreset)
    }

    private func launch(
        _ id: SandboxID, _ manifest: EnvironmentManifest, _ request: MakeRequest, _ episodes: ProgramEpisodes
    ) async throws(Failure) -> ExternalSandbox {
        let machine = sandboxes.machine
        let driver = manifest.driver ?? machine.defaultDriver
        let running = try await machine.start(manifest.specification(of: id), driver: driver) { _ in }
        let complain = sandboxes.complain
        let remove = { @Sendable [sandboxes] in
            do throws(Failure) {
                try await machine.remove(id, driver: driver)
            } catch {
                // The next server finds it and tries again.
                complain("The sandbox \(id) of \(manifest.id) could not be removed: \(error.message)")
            }
            sandboxes.dismiss(id)
        }
        do throws(Failure) {
            guard let agent = machine.agent(id) else {
                throw Failure(.infraFailed, "The sandbox of \(manifest.id) ended before its program was started.")
            }
            let (program, socket) = try await agent.run(manifest.order, timeout: manifest.timeouts.make)
            let line = try await ProgramLine.open(
                socket, lineBytes: manifest.limits.lineBytes, on: EventLoop.current ?? loops.next())
            return ExternalSandbox(
                running, manifest, episodes, callTimeout: request.callTimeout, program: program, line: line,
                remove: remove)
        } catch {
            try? await machine.remove(id, driver: driver)
            throw [.notFound, .forbidden].contains(error.kind)
                ? Failure(.envFailed, "not_started: The program of \(manifest.id) cannot be started: \(error.message)")
                : error
        }
    }
}

// MARK: - Room

extension SandboxDirectory {
    /// Counts a sandbox that has no row: it goes with this server.
    ///
    /// - Throws: ``Failure`` of kind `overloaded` where there is no room for it.
    func admit(_ id: SandboxID, _ need: StartQueue.Need) throws(Failure) {
        try state.withLock { (state) throws(Failure) in
            if state.isClosing { throw Failure(.shuttingDown, "The server is shutting down.") }
            try state.queue.admit(id.rawValue, need: need)
            state.guests.insert(id)
        }
    }

    /// Gives the room of such a sandbox to others.
    func dismiss(_ id: SandboxID) {
        state.withLock { state in
            state.guests.remove(id)
            state.queue.remove(id.rawValue)
        }
        startReady()
    }
}
