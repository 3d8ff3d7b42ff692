import Foundation
import GEM
import Registry
import SandboxHost
import Synchronization
import Testing
import Transport

@testable import Admin

/// A clock that stands still until told otherwise, and calls back what is due when it is moved.
final class ManualTime: Sendable {
    private struct Entry {
        let number: Int
        let time: Timestamp
        let action: @Sendable () -> Void
    }
    private struct State {
        var now = Timestamp(seconds: 1_769_000_000)
        var entries: [Entry] = []
        var count = 0
    }
    private let state = Mutex(State())

    var now: Timestamp { state.withLock(\.now) }

    var clock: DirectoryClock {
        DirectoryClock(now: { self.now }) { time, action in
            let number: Int = self.state.withLock { state in
                state.count += 1
                state.entries.append(Entry(number: state.count, time: time, action: action))
                return state.count
            }
            // What is due already comes soon, but not within this call.
            if time <= self.now { Task { self.fire() } }
            return { self.state.withLock { $0.entries.removeAll { $0.number == number } } }
        }
    }

    func advance(bySeconds seconds: Int64) {
        state.withLock { $0.now = $0.now.advanced(bySeconds: seconds) }
        fire()
    }

    private func fire() {
        let due = state.withLock { state in
            defer { state.entries.removeAll { $0.time <= state.now } }
            return state.entries.filter { $0.time <= state.now }
        }
        for entry in due { entry.action() }
    }
}

/// A directory on a real registry in a folder of its own and a pretended machine, which can be killed and started again.
final class DirectoryFixture: Sendable {
    let room = FakeMachineRoom()
    let time = ManualTime()
    let path: String
    let configuration: ServerConfiguration.Runtime
    let complaints = Mutex<[String]>([])
    private static let loops = Result { try EventLoopGroup(count: 1) }

    init(_ change: (inout ServerConfiguration.Runtime) -> Void = { _ in }) throws {
        path = URL(filePath: NSTemporaryDirectory()).appending(path: "directory-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var configuration = ServerConfiguration.Runtime()
        (configuration.drivers, configuration.defaultDriver) = (["fake"], "fake")
        configuration.encryptionKey = [UInt8](repeating: 7, count: 32)
        change(&configuration)
        self.configuration = configuration
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// One life of the server.
    struct Server {
        let driver: FakeDriver
        let directory: SandboxDirectory
        let registry: SandboxRegistry
        var caller = SandboxCaller()

        /// Ends the server without any goodbye; what is on disk stays.
        func kill() async { await registry.close() }
    }

    func start(_ prepare: (FakeDriver) -> Void = { _ in }) async throws -> Server {
        var settings = SandboxRegistry.Configuration(path: path + "/registry.db")
        settings.clock = { [time] in time.now }
        let registry = try SandboxRegistry(settings)
        let driver = FakeDriver(room)
        prepare(driver)
        let machine = Machine(drivers: [driver], defaultDriver: "fake", loops: try Self.loops.get())
        let directory = SandboxDirectory(
            store: .success(registry), machine: machine, configuration: configuration, clock: time.clock,
            complain: { [self] text in complaints.withLock { $0.append(text) } })
        await directory.begin()
        return Server(driver: driver, directory: directory, registry: registry)
    }
}

extension DirectoryFixture.Server {
    /// Starts a sandbox and waits until it runs.
    @discardableResult
    func run(_ id: String? = nil, _ change: (inout SandboxStart) -> Void = { _ in }) async throws -> String {
        let id = try await begin(id, change).record.id
        let record = try await directory.startEnd(of: id, for: caller)
        #expect(record.state == .running)
        return id
    }

    /// Asks for a sandbox and does not wait.
    func begin(
        _ id: String? = nil, _ change: (inout SandboxStart) -> Void = { _ in }
    ) async throws -> StartedSandbox {
        var start = SandboxStart()
        start.id = id
        change(&start)
        return try await directory.start(start, by: caller)
    }

    func state(_ id: String) -> SandboxState? { registry.record(id)?.state }

    func wait(_ id: String, until states: Set<SandboxState>) async throws -> SandboxRecord {
        try await directory.wait(for: id, until: states, timeout: .seconds(3600), caller)
    }

    func status(_ id: String, all: Bool = true) async throws -> JSON {
        JSON(try await directory.status(of: id, includesAllStates: all, for: caller))
    }
}

extension JSON {
    /// Reads what the code under test wrote, which must be JSON.
    init(_ bytes: [UInt8]) {
        do { self = try JSON(parsing: bytes.span) } catch {
            Issue.record("no JSON: \(String(decoding: bytes, as: UTF8.self))")
            self = .null
        }
    }
}

/// The kind of the failure that `body` throws; `nil` where it throws none.
func failureKind<Value>(_ body: () async throws -> Value) async -> Failure.Kind? {
    do {
        _ = try await body()
        return nil
    } catch { return (error as? Failure)?.kind }
}
