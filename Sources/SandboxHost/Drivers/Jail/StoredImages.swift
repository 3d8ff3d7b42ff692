package import GEM
package import Images

/// The images of a store on this machine.
package struct StoredImages: JailImages {
    private let store: ImageStore

    package init(_ store: ImageStore) { self.store = store }

    package func image(
        _ name: String, for holder: SandboxID?, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) -> JailImage {
        let found = try await blocking { [store] () throws(Failure) in
            guard let holder else { return try store.resolve(name) }
            return try store.lease(name, to: holder.rawValue)
        }
        guard let found else {
            throw Failure(
                .notFound,
                "Failed to pull image \(name). It is not in the store; import it with rockctl image import, or see rockctl image list."
            )
        }
        return JailImage(
            digest: found.digest, layers: found.layers, environment: found.configuration.environment)
    }

    package func release(_ holder: SandboxID) throws(Failure) { try store.release(holder.rawValue) }

    package func commit(_ upper: String, over base: String, tag: String) throws(Failure) -> String {
        guard let image = try store.resolve(base) else {
            throw Failure(.notFound, "commit: the image \(base) is not in the store any more.")
        }
        return try store.add(layer: upper, over: image, configuration: image.configuration, name: tag).digest
    }

    package func push(_ tag: String, credentials: RegistryCredentials?) async throws(Failure) {
        throw Failure(.invalidArgument, "push: this server sends no images of its own to registries yet: \(tag).")
    }
}
