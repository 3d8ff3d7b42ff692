import Dispatch
import Foundation
import Registry
import Synchronization

/// A folder of a test's own, gone when the test ends.
final class TemporaryFolder: Sendable {
    let path: String

    init(in parent: String = NSTemporaryDirectory()) throws {
        path = URL(filePath: parent).appending(path: "registry-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// A clock that stands still until told otherwise.
final class ManualClock: Sendable {
    private let time: Mutex<Timestamp>

    init(_ seconds: Int64 = 1_769_000_000) { time = Mutex(Timestamp(seconds: seconds)) }

    var now: Timestamp { time.withLock { $0 } }

    func advance(bySeconds seconds: Int64) { time.withLock { $0 = $0.advanced(bySeconds: seconds) } }
}

/// A registry in a folder of its own, with a clock that stands still.
struct RegistryFixture {
    let folder: TemporaryFolder
    let clock = ManualClock()
    var configuration: SandboxRegistry.Configuration

    init(folder: TemporaryFolder? = nil) throws {
        self.folder = try folder ?? TemporaryFolder()
        configuration = SandboxRegistry.Configuration(path: self.folder.file("registry.db"))
        configuration.clock = { [clock] in clock.now }
    }

    func open() throws -> SandboxRegistry { try SandboxRegistry(configuration) }
}

extension RegistryError {
    /// The code of what `body` throws; `nil` where it throws nothing or something else.
    static func code(of body: () throws -> Void) -> Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? RegistryError)?.code
        }
    }

    /// The code of what `body` throws; `nil` where it throws nothing or something else.
    static func code(of body: () async throws -> Void) async -> Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? RegistryError)?.code
        }
    }
}

/// Texts that several threads collect.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func append(_ line: String) { lines.withLock { $0.append(line) } }
}

/// Stops a thread until it is opened.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func pass() { semaphore.wait() }

    func open() { semaphore.signal() }
}
