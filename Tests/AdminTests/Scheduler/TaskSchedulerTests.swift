import ConfigurationFiles
import Foundation
import GEM
import Registry
import Synchronization
import Testing
import Transport
import Upkeep

@testable import Admin

/// A worker that does nothing, and says who asked.
private final class PretendedWorker: Worker {
    let name: String
    let address = "192.0.2.1"
    let orders: AsyncStream<TaskOrder>
    private let order: AsyncStream<TaskOrder>.Continuation
    private let answer: @Sendable (TaskOrder) async -> TaskReport

    init(_ name: String, _ answer: @escaping @Sendable (TaskOrder) async -> TaskReport = { _ in TaskReport(.success) })
    {
        self.name = name
        self.answer = answer
        (orders, order) = AsyncStream.makeStream(of: TaskOrder.self)
    }

    func carryOut(_ order: TaskOrder) async -> TaskReport {
        self.order.yield(order)
        return await answer(order)
    }
}

@Suite(.timeLimit(.minutes(1))) struct TaskSchedulerTests {
    private let time = ManualTime()
    private let path = "/tmp/rock-scheduler-\(UUID().uuidString).db"

    private func scheduler(
        _ text: String, _ workers: [any Worker], identity: String = "one", lease: Duration = .seconds(15)
    ) throws -> TaskScheduler {
        var section = try ConfigurationSection(
            try YAML(parsing: Array(text.utf8), name: "rock.yml"), name: "scheduler", file: "rock.yml")
        var configuration = SchedulerConfiguration()
        try configuration.apply(&section)
        configuration.lease = lease
        return TaskScheduler(
            configuration, zone: .utc, store: try SchedulerStore(path: path), clock: time.clock,
            loop: try loops().next(), identity: identity, workers: { workers }, complain: { _, _ in })
    }

    private func loops() throws -> EventLoopGroup { try Self.group.get() }
    private static let group = Result { try EventLoopGroup(count: 1) }

    private static let rockFile = """
        enabled: true
        worker_cache_ttl: 3600
        tasks:
          - task_class: "rock.admin.scheduler.tasks.image_cleanup_task.ImageCleanupTask"
            enabled: true
            interval_seconds: 3600
            params:
              threshold: "1T"
        """

    @Test func runsWhatROCKsFileSays() async throws {
        let worker = PretendedWorker("a")
        let scheduler = try scheduler(Self.rockFile, [worker])
        try await scheduler.begin()
        var orders = worker.orders.makeAsyncIterator()
        // Two seconds after the start, then every hour, in step with the first.
        for seconds in [2, 3600, 3600] as [Int64] {
            try await nextTime(of: scheduler)
            time.advance(bySeconds: seconds)
            let order = try #require(await orders.next())
            #expect(order.task == "image_cleanup" && order.kind == "ImageCleanup")
            #expect(order.parameters["threshold"] == "1T")
        }
        try await ended(3, scheduler)
        let status = try #require(try await scheduler.list().first)
        #expect(status.isEnabled && status.last.map(\.report.status) == [.success])
        await scheduler.shutDown()
    }

    @Test func leavesOutWhatFallsDueDuringARun() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let worker = PretendedWorker("a") { _ in
            for await _ in gate { break }
            return TaskReport(.success)
        }
        let scheduler = try scheduler(
            "{enabled: true, tasks: [{task_class: DockerHealth, interval_seconds: 10}]}", [worker])
        try await scheduler.begin()
        var orders = worker.orders.makeAsyncIterator()
        try await nextTime(of: scheduler)
        time.advance(bySeconds: 2)
        _ = await orders.next()
        time.advance(bySeconds: 35)  // three more would have been due
        open.yield()
        try await ended(1, scheduler)
        let next = try await nextTime(of: scheduler)
        #expect(next.seconds(since: time.now) == 5)
        open.finish()
        await scheduler.shutDown()
    }

    @Test func oneWorkersFailureStopsNobody() async throws {
        let workers = (0..<120).map { number in
            PretendedWorker("w\(number)") { _ in number % 2 == 0 ? .failed("It is on fire.") : TaskReport(.success) }
        }
        let scheduler = try scheduler("{tasks: [{task_class: DockerHealth}]}", workers)
        try await scheduler.begin()
        let runs = try await scheduler.run("DockerHealth", on: nil)
        #expect(runs.count == 120 && runs.count { $0.report.status == .failed } == 60)
        let kept = try await scheduler.store.runs(of: "docker_health", limit: 1000)
        #expect(kept.count == 120 && kept.count { $0.report.error == "It is on fire." } == 60)
        #expect(try await scheduler.run("docker_health", on: "w7").map(\.worker) == ["w7"])
        await #expect(throws: Failure.self) { try await scheduler.run("docker_health", on: "w999") }
        await scheduler.shutDown()
    }

    @Test func aSwitchOutweighsTheFileAndLasts() async throws {
        let text = "{enabled: true, tasks: [{task_class: DockerHealth, interval_seconds: 10}]}"
        let first = try scheduler(text, [PretendedWorker("a")])
        try await first.begin()
        try await nextTime(of: first)
        _ = try await first.setEnabled("docker_health", false)
        #expect(try await first.list().first?.isEnabled == false)
        await first.shutDown()
        let worker = PretendedWorker("a")
        let second = try scheduler(text, [worker])
        try await second.begin()
        #expect(try await second.list().first?.isEnabled == false)
        _ = try await second.setEnabled("DockerHealth", true)
        try await nextTime(of: second)
        time.advance(bySeconds: 2)
        var orders = worker.orders.makeAsyncIterator()
        #expect(await orders.next()?.kind == "DockerHealth")
        await second.shutDown()
    }

    @Test func oneOfTwoServersSchedules() async throws {
        let text = "{enabled: true, tasks: [{task_class: DockerHealth, interval_seconds: 10}]}"
        let (one, other) = (PretendedWorker("a"), PretendedWorker("a"))
        let first = try scheduler(text, [one], identity: "first")
        try await first.begin()
        try await nextTime(of: first)
        let second = try scheduler(text, [other], identity: "second")
        try await second.begin()
        // The first is gone without a word: its store is closed, its lease is not given back.
        first.store.close()
        #expect(!second.isLeading)
        time.advance(bySeconds: 15)
        try await nextTime(of: second)
        time.advance(bySeconds: 2)
        var orders = other.orders.makeAsyncIterator()
        #expect(await orders.next() != nil)
        #expect(second.isLeading && !first.isLeading)
        await first.shutDown()
        await second.shutDown()
    }

    @Test func tellsOfRunsThatTheirServerLeft() async throws {
        let first = try scheduler(Self.rockFile, [])
        _ = try await first.store.begin(
            TaskRun(
                serial: 0, task: "image_cleanup", worker: "a", trigger: .schedule, startTime: time.now, endTime: nil,
                report: TaskReport(.pending)))
        first.store.close()
        let second = try scheduler(Self.rockFile, [PretendedWorker("a")])
        try await second.begin()
        try await nextTime(of: second)
        let run = try #require(try await second.store.runs(of: nil, limit: 10).first)
        #expect(run.report.status == .failed && run.report.error?.contains("server ended") == true)
        await second.shutDown()
    }

    @Test(arguments: [
        ("{tasks: [{task_class: ImageCleanp}]}", "Did you mean \"ImageCleanup\""),
        ("{tasks: [{task_class: rock.admin.scheduler.tasks.x.ImageCleanupTsk}]}", "ImageCleanupTask"),
        ("{tasks: [{}]}", "no task_class"),
        ("{tasks: [{task_class: ImageCleanup, params: {disk_treshold: 1T}}]}", "Did you mean \"disk_threshold\""),
        ("{tasks: [{task_class: ImageCleanup, params: {threshold: lots}}]}", "'threshold' must be"),
        ("{tasks: [{task_class: FileCleanup}]}", "target_dirs"),
        ("{tasks: [{task_class: Program, params: {command: [ls]}}]}", "whole path"),
        ("{tasks: [{task_class: DockerHealth, name: ../x}]}", "is no name"),
    ])
    func skipsATaskThatCannotBeUnderstood(_ text: String, _ words: String) async throws {
        let scheduler = try scheduler(text, [PretendedWorker("a")])
        try await scheduler.begin()
        let status = try #require(try await scheduler.list().first)
        let fault = try #require(status.entry.fault)
        #expect(fault.contains("rock.yml:1") && fault.contains(words), "\(fault)")
        await #expect(throws: Failure.self) { try await scheduler.run(status.entry.name, on: nil) }
        await scheduler.shutDown()
    }

    @Test(arguments: [
        "{enabled: perhaps}", "{tasks: 3}", "{tasks: [{task_class: DockerHealth, interval_seconds: 0}]}",
        "{tasks: [{task_class: DockerHealth, cron: nope}]}", "{task: []}", "{file_roots: [relative]}",
        "{tasks: [{task_class: DockerHealth, intervall_seconds: 5}]}",
    ])
    func refusesAFileThatSaysNothingSensible(_ text: String) {
        #expect(throws: Failure.self) { try scheduler(text, []) }
    }

    // MARK: Waiting

    /// When the first task is due, as soon as that is known.
    @discardableResult
    private func nextTime(of scheduler: TaskScheduler) async throws -> Timestamp {
        while true {
            if let next = try await scheduler.list().first?.nextTime, next > time.now { return next }
            await Task.yield()
        }
    }

    /// Returns when `count` runs have ended.
    private func ended(_ count: Int, _ scheduler: TaskScheduler) async throws {
        while try await scheduler.store.runs(of: nil, limit: 100).count(where: { $0.endTime != nil }) < count {
            await Task.yield()
        }
    }
}
