import GEM
import Registry
import Synchronization
import Transport
import Upkeep

extension TaskScheduler {
    // MARK: The rhythm of one task

    /// Runs `entry` whenever it is due, until the task is cancelled. It never overlaps itself: what falls due meanwhile is left out.
    func keepRhythm(of entry: SchedulerConfiguration.Entry, _ rings: AsyncStream<Void>) async {
        var iterator = rings.makeAsyncIterator()
        var due: Timestamp?
        var isFirst = true
        while !Task.isCancelled {
            let isWanted = state.withLock { $0.isLeading && Self.isEnabled(entry, $0.switches) }
            let now = clock.now()
            if !isWanted {
                due = nil
            } else if due == nil || isTooFar(due, entry, now) {
                due = self.due(entry, after: now, isFirst: isFirst)
            }
            state.withLock { $0.nextTimes[entry.name] = due }
            if let time = due, time <= now {
                isFirst = false
                await visitAll(entry)
                due = self.due(entry, after: clock.now(), since: time)
                continue
            }
            let cancel = due.map { time in clock.schedule(time) { self.ring(entry.name) } }
            let isOver = await iterator.next() == nil
            cancel?()
            if isOver { return }
        }
    }

    /// When `entry` is due next. The first run of an interval comes soon, whenever the last one was.
    private func due(_ entry: SchedulerConfiguration.Entry, after time: Timestamp, isFirst: Bool) -> Timestamp? {
        let jitter = entry.jitter > .zero ? Double.random(in: 0...entry.jitter.inSeconds) : 0
        switch entry.schedule {
        case .every(let interval):
            let seconds = (isFirst ? configuration.firstDelay : interval).inSeconds + jitter
            return Timestamp(microseconds: time.microseconds + Int64(seconds * 1e6))
        case .cron(let text):
            guard let next = (try? CronExpression(text))?.next(after: time, in: zone) else { return nil }
            return Timestamp(microseconds: next.microseconds + Int64(jitter * 1e6))
        }
    }

    /// When `entry` is due next, after a run that was due at `last`: in step with it, so that the length of runs adds up to nothing.
    private func due(_ entry: SchedulerConfiguration.Entry, after time: Timestamp, since last: Timestamp) -> Timestamp?
    {
        guard case .every(let interval) = entry.schedule else { return due(entry, after: time, isFirst: false) }
        let step = max(1, Int64(interval.inSeconds * 1e6))
        let missed = max(0, (time.microseconds - last.microseconds) / step)
        let next = Timestamp(microseconds: last.microseconds + (missed + 1) * step)
        let jitter = entry.jitter > .zero ? Double.random(in: 0...entry.jitter.inSeconds) : 0
        return Timestamp(microseconds: next.microseconds + Int64(jitter * 1e6))
    }

    /// Whether the clock was set back so far that `due` lies further ahead than it ever does.
    private func isTooFar(_ due: Timestamp?, _ entry: SchedulerConfiguration.Entry, _ now: Timestamp) -> Bool {
        guard let due else { return false }
        switch entry.schedule {
        case .every(let interval):
            return due.seconds(since: now) > (interval + entry.jitter + configuration.firstDelay).inSeconds + 1
        case .cron(let text):
            guard let next = (try? CronExpression(text))?.next(after: now, in: zone) else { return true }
            return due.seconds(since: next) > entry.jitter.inSeconds
        }
    }

    // MARK: One run

    private func visitAll(_ entry: SchedulerConfiguration.Entry) async {
        do throws(Failure) {
            let workers = try await workers()
            guard !workers.isEmpty else {
                complain(.warning, "The task \(entry.name) is due, and there is no worker.")
                return
            }
            _ = await visit(workers, entry, .schedule)
        } catch {
            complain(.error, "The task \(entry.name) is due, and workers cannot be found: \(error.message)")
        }
    }

    /// Has each worker carry the task out, fifty at a time. What one worker fails at is its own affair.
    func visit(
        _ workers: [any Worker], _ entry: SchedulerConfiguration.Entry, _ trigger: TaskRun.Trigger
    ) async -> [TaskRun] {
        state.withLock { $0.atWork[entry.name, default: 0] += 1 }
        defer { state.withLock { $0.atWork[entry.name, default: 1] -= 1 } }
        return await withTaskGroup(of: TaskRun.self) { group in
            var runs: [TaskRun] = []
            for (index, worker) in workers.enumerated() {
                if index >= Self.visitsAtOnce, let run = await group.next() { runs.append(run) }
                group.addTask { await self.visit(worker, entry, trigger) }
            }
            for await run in group { runs.append(run) }
            return runs.sorted { $0.worker < $1.worker }
        }
    }

    private func visit(
        _ worker: any Worker, _ entry: SchedulerConfiguration.Entry, _ trigger: TaskRun.Trigger
    ) async -> TaskRun {
        var run = TaskRun(
            serial: 0, task: entry.name, worker: worker.name, trigger: trigger, startTime: clock.now(), endTime: nil,
            report: TaskReport(.pending))
        do throws(Failure) { run.serial = try await store.begin(run) } catch {
            complain(.error, "The run of \(entry.name) on \(worker.name) cannot be written down: \(error.message)")
        }
        let order = TaskOrder(task: entry.name, kind: entry.kind, parameters: entry.parameters, limit: entry.limit)
        run.report = await worker.carryOut(order)
        run.endTime = clock.now()
        if run.serial > 0 {
            do throws(Failure) { try await store.end(run) } catch {
                complain(.error, "The end of \(entry.name) on \(worker.name) cannot be written down: \(error.message)")
            }
        }
        switch run.report.status {
        case .failed:
            complain(
                .error, "The task \(entry.name) failed on \(worker.name): \(run.report.error ?? "no reason given")")
        case .busy: complain(.info, "The task \(entry.name) is still at work on \(worker.name).")
        case .pending, .running, .success: complain(.info, "The task \(entry.name) ran on \(worker.name).")
        }
        return run
    }

    /// The workers, read anew when the list has grown old. Where that fails, the old list stays in use.
    func workers() async throws(Failure) -> [any Worker] {
        let known = state.withLock { state -> [any Worker]? in
            guard let read = state.workersRead, !state.workers.isEmpty, .now - read < configuration.workerCache else {
                return nil
            }
            return state.workers
        }
        if let known { return known }
        do throws(Failure) {
            let found = try await findWorkers()
            state.withLock { ($0.workers, $0.workersRead) = (found, .now) }
            return found
        } catch {
            let old = state.withLock(\.workers)
            guard !old.isEmpty else { throw error }
            complain(.warning, "Workers cannot be found, and those of before are used: \(error.message)")
            return old
        }
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
