import Glibc
import Registry

/// Registries as benchmarks need them: full ones, and how fast one takes changes.
enum RegistryBench {
    static let users = 10

    /// The id of the sandbox with this number.
    static func id(_ number: Int) -> String { "bench-\(number)" }

    /// Writes `count` sandboxes that were started and stopped, of ten users and four images, into the registry at `path`.
    ///
    /// - Throws: ``RegistryError``.
    static func fill(_ path: String, count: Int) async throws {
        let registry = try SandboxRegistry(.init(path: path))
        do {
            try await fill(registry, 0..<count, isLive: false)
        } catch {
            await registry.close()
            throw error
        }
        await registry.close()
    }

    /// Writes a sandbox for each of `numbers` that runs, as far as the registry knows, or was stopped.
    ///
    /// - Throws: ``RegistryError``.
    static func fill(_ registry: SandboxRegistry, _ numbers: Range<Int>, isLive: Bool) async throws {
        for first in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 1000) {
            try await registry.write { transaction in
                for number in first..<min(first + 1000, numbers.upperBound) {
                    var request = Registry.SandboxRequest(id: id(number))
                    request.userID = "user-\(number % users)"
                    request.image = "image-\(number % 4)"
                    request.driver = "jail"
                    request.autoClearSeconds = 3600
                    try transaction.create(request)
                    try transaction.move(id(number), by: .alive)
                    if !isLive { try transaction.move(id(number), by: .stop) }
                }
            }
        }
    }

    /// Changes that `writers` callers make to a registry at `path`, each waiting until its last one is on disk: a sandbox's
    /// row at its start, its move to running, and its stop with the bill.
    ///
    /// - Returns: Changes per second.
    /// - Throws: ``RegistryError``.
    static func changes(_ path: String, writers: Int, each: Int) async throws -> Double {
        let registry = try SandboxRegistry(.init(path: path))
        let start = ContinuousClock.now
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<writers {
                    group.addTask {
                        for turn in 0..<each {
                            let id = "bench-\(writer)-\(turn)"
                            try await registry.write { transaction in
                                try transaction.create(Registry.SandboxRequest(id: id))
                                try transaction.move(id, by: .alive)
                            }
                            try await registry.write { try $0.move(id, by: .stop) }
                        }
                    }
                }
                try await group.waitForAll()
            }
        } catch {
            await registry.close()
            throw error
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        await registry.close()
        return Double(writers * each * 2) / seconds
    }
}
