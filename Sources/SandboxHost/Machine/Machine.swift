package import GEM
import Synchronization
package import Transport

// The sandboxes with a root filesystem on one machine.
//
//   Machine.swift   drivers by name, what runs, what ended by itself
//   Turns.swift     one call at a time for each sandbox

/// All full sandboxes of this machine, whatever driver runs them.
///
/// It keeps the drivers' rule that calls for one sandbox never overlap, and tells apart a sandbox that ended by itself from one
/// that was told to. What sandboxes are for, who may use them and for how long is its caller's affair.
package final class Machine: Sendable {
    /// A sandbox that ended without having been told to.
    package struct Ended: Sendable {
        package let id: SandboxID
        package let end: SandboxEnd

        package init(id: SandboxID, end: SandboxEnd) {
            self.id = id
            self.end = end
        }
    }

    /// What a driver found after a restart of this process.
    package struct Adoption: Sendable {
        package let driver: String
        package let outcome: Result<[AdoptedSandbox], Failure>
    }

    private struct Entry {
        let sandbox: RunningSandbox
        let agent: SandboxAgent
        /// Tells two lives of one sandbox apart.
        let life: UInt64
    }

    private struct State {
        var running: [SandboxID: Entry] = [:]
        var lives: UInt64 = 0
    }

    private let drivers: [any SandboxDriver]
    private let loops: EventLoopGroup
    /// The driver of requests that name none.
    package let defaultDriver: String
    /// Every sandbox that ended by itself, once; to be read by one reader.
    package let ends: AsyncStream<Ended>
    private let report: AsyncStream<Ended>.Continuation
    private let state = Mutex(State())
    private let turns = Turns()

    /// - Parameters:
    ///   - drivers: In the order in which they are shown; no two of one name.
    ///   - defaultDriver: The name of one of them.
    ///   - loops: Carry calls to sandboxes of those who run on no loop.
    package init(drivers: [any SandboxDriver], defaultDriver: String, loops: EventLoopGroup) {
        self.drivers = drivers
        self.loops = loops
        self.defaultDriver = defaultDriver
        (ends, report) = AsyncStream.makeStream(of: Ended.self)
    }

    /// The names of the drivers.
    package var driverNames: [String] { drivers.map(\.name) }

    /// How many sandboxes run.
    package var count: Int { state.withLock { $0.running.count } }

    /// The driver called `name`.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` that lists the names there are.
    package func driver(_ name: String) throws(Failure) -> any SandboxDriver {
        if let driver = drivers.first(where: { $0.name == name }) { return driver }
        let names = driverNames.joined(separator: ", ")
        throw Failure(
            .invalidArgument,
            names.isEmpty
                ? "This server runs no sandboxes with a root filesystem: no driver is configured."
                : "There is no driver \"\(name)\" here; runtime is one of: \(names).")
    }

    /// The images of the driver called `name`.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` where there is no such driver, or none of whose images are known.
    package func catalog(_ name: String) throws(Failure) -> any ImageCatalog {
        guard let catalog = try driver(name).imageCatalog else {
            throw Failure(.invalidArgument, "The driver \(name) does not tell its images.")
        }
        return catalog
    }

    /// The sandbox called `id`, if it runs.
    package func sandbox(_ id: SandboxID) -> RunningSandbox? { state.withLock { $0.running[id]?.sandbox } }

    /// The way to the rocklet in the sandbox called `id`, if it runs.
    package func agent(_ id: SandboxID) -> SandboxAgent? { state.withLock { $0.running[id]?.agent } }

    /// What each driver can do here.
    package func examine() async -> [DriverReport] {
        var reports: [DriverReport] = []
        for driver in drivers { reports.append(await driver.examine()) }
        return reports
    }

    // MARK: Coming and going

    /// Starts a sandbox and returns when its rocklet answers; see ``SandboxDriver/start(_:report:)``.
    package func start(
        _ specification: SandboxSpecification, driver name: String, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        let driver = try driver(name)
        return try await turns.run(specification.id) { () async throws(Failure) -> RunningSandbox in
            self.keep(try await driver.start(specification, report: report))
        }
    }

    /// Starts a stopped sandbox again; see ``SandboxDriver/restart(_:report:)``.
    package func restart(
        _ specification: SandboxSpecification, driver name: String, report: @escaping @Sendable (StartStep) -> Void
    ) async throws(Failure) -> RunningSandbox {
        let driver = try driver(name)
        return try await turns.run(specification.id) { () async throws(Failure) -> RunningSandbox in
            self.keep(try await driver.restart(specification, report: report))
        }
    }

    /// Ends every process of a sandbox; its files stay. Its end is not reported in ``ends``.
    package func stop(_ id: SandboxID, driver name: String, grace: Duration) async throws(Failure) {
        let driver = try driver(name)
        try await turns.run(id) { () async throws(Failure) -> Void in
            let entry = self.take(id)
            do throws(Failure) {
                try await driver.stop(id, grace: grace)
            } catch {
                // It may run on, and then its end is news again.
                if let entry { self.watch(entry.sandbox) }
                throw error
            }
        }
    }

    /// Ends a sandbox if need be and removes everything of it.
    package func remove(_ id: SandboxID, driver name: String) async throws(Failure) {
        let driver = try driver(name)
        try await turns.run(id) { () async throws(Failure) -> Void in
            let entry = self.take(id)
            do throws(Failure) {
                try await driver.remove(id)
            } catch {
                if let entry { self.watch(entry.sandbox) }
                throw error
            }
        }
    }

    /// Finds the sandboxes of a predecessor of this process: of every driver, or of the one called `name`. The living ones are
    /// watched from then on.
    package func adopt(driver name: String? = nil) async -> [Adoption] {
        var adoptions: [Adoption] = []
        for driver in drivers where name == nil || driver.name == name {
            do {
                let found = try await driver.adopt()
                for case .running(let sandbox, _) in found { watch(sandbox) }
                adoptions.append(Adoption(driver: driver.name, outcome: .success(found)))
            } catch {
                adoptions.append(Adoption(driver: driver.name, outcome: .failure(error)))
            }
        }
        return adoptions
    }

    // MARK: What drivers do besides

    /// What a running sandbox uses now.
    package func statistics(_ id: SandboxID, driver name: String) async throws(Failure) -> SandboxStatistics {
        let driver = try driver(name)
        return try await turns.run(id) { () async throws(Failure) -> SandboxStatistics in
            try await driver.statistics(id)
        }
    }

    /// Makes an image of a sandbox's files; see ``SandboxDriver/commit(_:tag:push:credentials:)``.
    package func commit(
        _ id: SandboxID, driver name: String, tag: String, push: Bool, credentials: RegistryCredentials?
    ) async throws(Failure) -> CommittedImage {
        let driver = try driver(name)
        return try await turns.run(id) { () async throws(Failure) -> CommittedImage in
            try await driver.commit(id, tag: tag, push: push, credentials: credentials)
        }
    }

    /// Makes an image ready ahead of use.
    package func prepare(
        image: String, pull: PullPolicy, credentials: RegistryCredentials?, driver name: String,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws(Failure) {
        try await driver(name).prepare(image: image, pull: pull, credentials: credentials, report: report)
    }

    /// Has every driver let go of what no sandbox needs. Sandboxes run on, and nothing more is asked of this machine.
    package func shutDown() async {
        for driver in drivers { await driver.shutDown() }
    }

    // MARK: Ends

    private func keep(_ sandbox: RunningSandbox) -> RunningSandbox {
        watch(sandbox)
        return sandbox
    }

    /// Counts `sandbox` as running, and reports its end unless it is stopped before.
    private func watch(_ sandbox: RunningSandbox) {
        let agent = SandboxAgent(sandbox.agent, of: sandbox.id, on: loops.next())
        let life: UInt64 = state.withLock { state in
            state.lives += 1
            state.running[sandbox.id] = Entry(sandbox: sandbox, agent: agent, life: state.lives)
            return state.lives
        }
        // Nobody waits for this task: it ends with the sandbox, which outlives this process.
        Task { [weak self] in
            let end = await sandbox.ended()
            self?.noteEnd(of: sandbox.id, life: life, end)
        }
    }

    private func noteEnd(of id: SandboxID, life: UInt64, _ end: SandboxEnd) {
        let isNews: Bool = state.withLock { state in
            guard state.running[id]?.life == life else { return false }
            state.running[id] = nil
            return true
        }
        if isNews { report.yield(Ended(id: id, end: end)) }
    }

    /// Takes a sandbox that is about to be ended out of the running ones, so that its end is no news.
    private func take(_ id: SandboxID) -> Entry? { state.withLock { $0.running.removeValue(forKey: id) } }
}
