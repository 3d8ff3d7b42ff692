import GEM
import Glibc
import Synchronization
import Transport

/// A sandbox in a container, watched until it ends.
final class DockerSandbox: Sendable {
    let id: SandboxID
    let specification: SandboxSpecification
    let ending = SandboxEnding()
    private let container: String
    private let process: ProcessIdentity?
    private let engine: Engine
    /// Clears away what belongs to its run, before anybody hears of its end.
    private let clearAway: @Sendable () async -> Void
    private let wish = Mutex<Wish?>(nil)
    private let watch = Mutex<Task<Void, Never>?>(nil)

    /// What somebody has asked to become of it.
    enum Wish: Sendable { case stop, removal }

    /// Who ends it; `nil` while nobody has asked for that.
    var wished: Wish? {
        get { wish.withLock { $0 } }
        set { wish.withLock { $0 = newValue } }
    }

    /// - Parameters:
    ///   - specification: What it is.
    ///   - container: The container's id.
    ///   - process: Its first process, where this machine sees it.
    ///   - engine: Whose container it is.
    ///   - clearAway: Clears away what belongs to its run, before anybody hears of its end.
    init(
        _ specification: SandboxSpecification, container: String, process: ProcessIdentity?, engine: Engine,
        clearAway: @escaping @Sendable () async -> Void
    ) {
        id = specification.id
        self.specification = specification
        self.container = container
        self.process = process
        self.engine = engine
        self.clearAway = clearAway
        // Owned and cancelled by `release`.
        let task = Task(executorPreference: engine.loop) { await self.follow() }
        watch.withLock { $0 = task }
    }

    /// Stops watching.
    func release() {
        watch.withLock { $0.take() }?.cancel()
    }

    /// Whether its end will be told.
    var isWatched: Bool { watch.withLock { $0 != nil } }

    /// Waits for the end and tells it.
    ///
    /// The kernel says at once when a process has ended, and waiting for it costs nothing, while Podman looks several times
    /// a second for each client that waits for a container. So the engine is asked how it ended, and asked to wait only
    /// where the process is not to be seen.
    private func follow() async {
        var sawEnd = false
        if let process {
            guard let descriptor = process.watch(on: engine.loop) else { return await tell(sawEnd: true) }
            do {
                try await descriptor.wait()
                sawEnd = true
            } catch {}  // cancelled, or there is nothing left to watch with: the engine is asked
            descriptor.close()
        }
        guard !Task.isCancelled else { return }
        await tell(sawEnd: sawEnd)
    }

    /// Asks the engine until it says how the container ended. An engine that restarts is waited for, except where the end
    /// itself is known.
    private func tell(sawEnd: Bool) async {
        var pause = Duration.milliseconds(100)
        let patience = ContinuousClock.now + .seconds(10)
        while !Task.isCancelled {
            do {
                let call = EngineCall("POST", "/containers/\(container)/wait", query: [("condition", "not-running")])
                _ = try await engine.json(sawEnd ? call : call.patient())
                return await finish(
                    end(
                        try ContainerState(
                            try await engine.json(
                                EngineCall("GET", "/containers/\(container)/json")))))
            } catch {
                if error.isNotFound {
                    return await finish(
                        SandboxEnd(
                            reason: wished == .removal
                                ? "The sandbox was removed." : "Somebody removed the sandbox's container."))
                }
                if sawEnd, ContinuousClock.now > patience {
                    return await finish(
                        SandboxEnd(
                            reason: "The sandbox ended, and the container engine does not say how: \(error.message)"))
                }
            }
            do { try await engine.loop.sleep(until: ContinuousClock.now + pause) } catch { return }
            pause = min(pause * 2, .seconds(15))
        }
    }

    private func finish(_ end: SandboxEnd) async {
        await clearAway()
        ending.finish(end)
    }

    /// What a container that does not run says about its end.
    private func end(_ state: ContainerState) -> SandboxEnd { Self.end(state, wished) }

    static func end(_ state: ContainerState, _ wished: Wish?) -> SandboxEnd {
        // The engine adds 128 to the number of a signal.
        let signal: Int32? = 129...192 ~= state.exitCode ? state.exitCode - 128 : nil
        let reason: String
        if let wished {
            reason = wished == .stop ? "The sandbox was stopped." : "The sandbox was removed."
        } else if state.ranOutOfMemory {
            reason = "The sandbox ran out of its memory."
        } else if !state.error.isEmpty {
            reason = "The container engine could not go on with the sandbox: \(state.error)"
        } else if let signal {
            reason =
                signal == SIGKILL
                ? "The sandbox was killed (SIGKILL), from outside or for want of memory."
                : "Signal \(signal) ended the sandbox."
        } else {
            reason = "The sandbox's first process ended by itself with status \(state.exitCode)."
        }
        return SandboxEnd(
            exitCode: signal == nil ? state.exitCode : nil, signal: signal,
            ranOutOfMemory: state.ranOutOfMemory && wished == nil, reason: reason)
    }
}
