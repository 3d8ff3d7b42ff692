import GEM
import Registry
import SandboxHost
import Synchronization

extension SandboxDirectory {
    /// Starts a sandbox. Where its image has to be fetched first, which may take minutes and nothing of this machine's
    /// processors, others start meanwhile.
    ///
    /// - Parameters:
    ///   - plan: What to start; its turn has come.
    ///   - fetched: Takes the seconds that the fetch has taken.
    ///   - report: Told of each step.
    /// - Returns: The sandbox.
    /// - Throws: ``Failure``.
    func startFetching(
        _ plan: SandboxPlan, _ fetched: inout Double, _ report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        var specification = plan.specification
        if specification.pull != .always {
            specification.pull = .never
            do throws(Failure) {
                return try await machine.start(specification, driver: plan.driver, report: report)
            } catch {
                guard error.kind == .notFound, plan.specification.pull == .missing else { throw error }
            }
        }
        let began = clock.now()
        state.withLock { $0.queue.pauseStart(plan.request.id) }
        startReady()
        let result: Result<Void, Failure>
        do throws(Failure) {
            report(.pullingImage(message: "image pull running"))
            try await machine.prepare(
                image: specification.image, pull: plan.specification.pull, credentials: specification.credentials,
                driver: plan.driver
            ) { report(.pullingImage(message: $0)) }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        fetched = clock.now().seconds(since: began)
        try result.get()
        await turn(of: plan.request.id)
        // Should it have been removed meanwhile, the driver fetches it once more.
        specification.pull = .missing
        return try await machine.start(specification, driver: plan.driver, report: report)
    }

    /// Waits until a paused start may go on. Returns at once where the start is given up, which its driver then notices.
    private func turn(of id: String) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    state.paused[id] = continuation
                    state.queue.resumeStart(id)
                }
                startReady()
                if Task.isCancelled { giveUpTurn(of: id) }
            }
        } onCancel: {
            giveUpTurn(of: id)
        }
    }

    private func giveUpTurn(of id: String) {
        state.withLock { $0.paused.removeValue(forKey: id) }?.resume()
    }
}
