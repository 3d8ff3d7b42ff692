import GEM
import Synchronization
import Transport

/// This machine.
package final class LocalWorker: Worker {
    package let name: String
    package let address: String
    private let workplace: Workplace
    private let statusFolder: String
    private let localTime: @Sendable () -> String
    private let busy = Mutex<Set<String>>([])

    /// - Parameters:
    ///   - name: Its host's id.
    ///   - address: Where it is.
    ///   - workplace: What its tasks work with.
    ///   - statusFolder: Where each task's last run is written down.
    ///   - localTime: The time of day as status files have it: `2026-01-21T19:38:00`.
    package init(
        name: String, address: String, workplace: Workplace, statusFolder: String,
        localTime: @escaping @Sendable () -> String
    ) {
        self.name = name
        self.address = address
        self.workplace = workplace
        self.statusFolder = statusFolder
        self.localTime = localTime
    }

    package func carryOut(_ order: TaskOrder) async -> TaskReport {
        guard busy.withLock({ $0.insert(order.task).inserted }) else {
            return TaskReport(.busy, error: "\(order.task) is at work on \(name) already.")
        }
        defer { busy.withLock { _ = $0.remove(order.task) } }
        let task: any UpkeepTask
        do { task = try TaskCatalog.task(order.kind, order.parameters) } catch { return .failed(error.message) }
        let file = StatusFile(order.task, in: statusFolder)
        if type(of: task).repetition == .onceAtATime, let running = living(file.read()) { return running }
        var report = TaskReport(.pending)
        note(&report, order, file)
        report = await run(task, within: order.limit)
        if JSON.object(report.details).serialized.count > TaskReport.longestDetails {
            report.details = ["note": "The details were too long to keep."]
        }
        note(&report, order, file)
        return report
    }

    /// Runs `task` and ends it when its time is over.
    private func run(_ task: any UpkeepTask, within limit: Duration) async -> TaskReport {
        let (workplace, isOver) = (workplace, Flag())
        let work = Task(executorPreference: workplace.loop) { () -> TaskReport in
            do throws(Failure) {
                return try await task.run(at: workplace)
            } catch {
                return .failed(error.message)
            }
        }
        let timer = workplace.loop.schedule(at: .now + limit) {
            isOver.raise()
            work.cancel()
        }
        defer { timer.cancel() }
        let report = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        guard isOver.isRaised else { return report }
        let said = report.error.map { " \($0)" } ?? ""
        return .failed(
            "It took longer than \(limit.components.seconds) s and was ended.\(said)", details: report.details)
    }

    /// The report on a process that an earlier run has started, if it is alive.
    private func living(_ content: StatusFile.Content?) -> TaskReport? {
        guard let content, content.report.status == .running, let number = content.report.process,
            let mark = ProcessMark(number), content.processStart.map({ $0 == mark.start }) ?? true
        else { return nil }
        return content.report
    }

    private func note(_ report: inout TaskReport, _ order: TaskOrder, _ file: StatusFile) {
        let content = StatusFile.Content(
            task: order.task, address: address, report: report, lastRun: localTime(),
            processStart: report.process.flatMap { ProcessMark($0)?.start })
        do throws(Failure) {
            try file.write(content)
        } catch {
            // The work counts, not the note; but who reads the report should know.
            report.details["status_file"] = .string(error.message)
        }
    }
}

/// Whether something has happened.
private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isRaised: Bool { value.load(ordering: .acquiring) }
    func raise() { value.store(true, ordering: .releasing) }
}
