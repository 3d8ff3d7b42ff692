import GEM
import Registry
import SandboxHost
import Transport
import Upkeep

/// Puts a server's scheduler together: its file, this machine as a worker, and the tasks.
enum Scheduling {
    /// Begins to schedule what the configuration says.
    ///
    /// - Throws: ``Failure`` where the scheduler's file cannot be used; everything else can be served without.
    static func open(
        _ configuration: ServerConfiguration, sandboxes: SandboxDirectory, logs: Logs, loops: EventLoopGroup
    ) async throws(Failure) -> TaskScheduler {
        let settings = configuration.scheduler
        let path = settings.database ?? configuration.dataDirectory + "/scheduler.db"
        let store: SchedulerStore
        do {
            store = try await BlockingPool.run { try SchedulerStore(path: path) }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.infraFailed, "\(path) cannot be opened: \(error).")
        }
        let times = TimeFormat(zone: configuration.runtime.timeZone)
        let worker = LocalWorker(
            name: LocalHost.name, address: LocalHost.address,
            workplace: workplace(configuration, sandboxes, loops.next()),
            statusFolder: settings.statusFolder ?? configuration.dataDirectory + "/scheduler_status",
            // ROCK's files have local time without a zone.
            localTime: { String(times.text(.now()).prefix(19)) })
        let log = Log(logs, "scheduler")
        let scheduler = TaskScheduler(
            settings, zone: times.zone, store: store, clock: sandboxes.clock, loop: loops.next(),
            identity: "\(LocalHost.name) \(configuration.dataDirectory)", workers: { [worker] },
            complain: { log($0, $1) })
        do {
            try await scheduler.begin()
        } catch {
            await scheduler.shutDown()
            throw error
        }
        return scheduler
    }

    private static func workplace(
        _ configuration: ServerConfiguration, _ sandboxes: SandboxDirectory, _ loop: EventLoop
    ) -> Workplace {
        Workplace(
            images: sandboxes.machine.imageUpkeep, machine: sandboxes.machine, folder: configuration.dataDirectory,
            logs: configuration.logs.folder, fileRoots: configuration.scheduler.fileRoots,
            wanted: {
                var ids: Set<SandboxID> = []
                do throws(Failure) {
                    try sandboxes.eachRecord { record in
                        if record.state != .deleted, let id = SandboxID(rawValue: record.id) { ids.insert(id) }
                    }
                } catch {
                    return .failure(error)
                }
                return .success(ids)
            },
            imageUses: {
                var uses: [String: Int64] = [:]
                try? sandboxes.eachRecord { record in
                    let used = record.state.isLive ? Int64.max : (record.stopTime ?? record.createTime).seconds
                    uses[record.image] = max(uses[record.image] ?? 0, used)
                }
                return uses
            }, loop: loop)
    }
}

extension SandboxDirectory {
    /// Shows every record there is to `body`.
    fileprivate func eachRecord(_ body: (SandboxRecord) -> Void) throws(Failure) {
        var query = SandboxQuery()
        query.limit = SandboxQuery.limitMaximum
        let registry = try registry()
        while true {
            let page: SandboxPage
            do throws(RegistryError) { page = try registry.list(query) } catch { throw Failure(error) }
            for record in page.records { body(record) }
            guard page.hasMore else { return }
            query.offset += query.limit
        }
    }
}
