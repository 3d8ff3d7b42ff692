package import GEM
package import Registry
import Transport

/// Keys of a server that does not run: how the first one comes to be.
package enum FirstKey {
    /// Makes a key in the registry of a data directory.
    ///
    /// - Parameters:
    ///   - configuration: Says where the registry is.
    ///   - name: What people call the key.
    ///   - scope: What it may do.
    ///   - namespaces: The namespaces it sees; none is all.
    /// - Returns: The token, which is kept nowhere.
    /// - Throws: ``Failure``: `conflict` while a server has the registry open, which is to be asked then.
    package static func make(
        _ configuration: ServerConfiguration, name: String, scope: APIScope, namespaces: [String] = []
    ) async throws(Failure) -> String {
        try DataDirectory.prepare(configuration.dataDirectory)
        let path = configuration.registryPath
        do {
            let registry = try await BlockingPool.run { try SandboxRegistry(.init(path: path)) }
            let token = try await registry.write { transaction in
                transaction.audit(actor: "local", action: "admin.keys.create", subject: name, outcome: "ok")
                return try transaction.createKey(name: name, scope: scope, namespaces: namespaces).token
            }
            await registry.close()
            return token
        } catch let error as RegistryError where error.code == .inUse {
            throw Failure(
                .conflict, "A server runs in \(configuration.dataDirectory): have it make the key. \(error.message)")
        } catch let error as RegistryError {
            throw Failure(error)
        } catch {
            throw Failure(.infraFailed, "The key could not be made: \(error).")
        }
    }
}
