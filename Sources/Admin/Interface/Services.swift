import GEM
import Registry

/// What operations work with.
struct Services: Sendable {
    var interface: Interface
    /// `nil` where the server keeps none, as an embedded one does.
    var registry: SandboxRegistry?
    /// Why there is none, where there should be one.
    var registryFailure: Failure?
    /// Sandboxes with a root filesystem; set once the server has found again those that there are.
    var sandboxes: SandboxDirectory?
    /// What can be made and what is live.
    var environments: EnvironmentDirectory?
    /// Has work done again and again; `nil` where nothing is kept.
    var scheduler: TaskScheduler?
    /// Why there is none, where there should be one.
    var schedulerFailure: Failure?
    /// What answers sandboxes' model calls.
    var modelServices: SandboxModelServices?
    var metrics: Metrics
    var logs: Logs
    var isKeyRequired = false

    /// The registry.
    ///
    /// - Throws: ``Failure`` where there is none.
    func needRegistry() throws(Failure) -> SandboxRegistry {
        guard let registry else {
            if let registryFailure { throw registryFailure }
            throw Failure(.infraFailed, "This server keeps no registry: its data directory could not be used.")
        }
        return registry
    }
}

/// Runs `body`, which asks the registry.
///
/// - Throws: ``Failure`` for whatever `body` throws.
func asking<Result>(_ body: () async throws -> Result) async throws(Failure) -> Result {
    do { return try await body() } catch let failure as Failure { throw failure } catch let error as RegistryError {
        // What the registry does not find is no sandbox here.
        throw error.code == .notFound ? Failure(.notFound, error.message) : Failure(error)
    } catch is CancellationError {
        throw Failure(.timeout, "The request was given up before it was done.")
    } catch {
        throw Failure(.internalError, "The registry failed: \(error).")
    }
}

/// The server's version, by semantic versioning.
package enum ServerVersion {
    package static let current = "0.1.0"
}

/// The JSON that `write` writes, for which room for `count` bytes is made at once.
func json(expecting count: Int = 0, _ write: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter(expecting: count)
    write(&writer)
    return writer.bytes
}

extension JSONWriter {
    /// Starts with nothing written, and room for `count` bytes.
    init(expecting count: Int) {
        var room: [UInt8] = []
        room.reserveCapacity(count)
        self.init(taking: &room)
    }
}
