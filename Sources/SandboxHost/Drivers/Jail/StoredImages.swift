package import GEM
package import Images

/// The images of a store on this machine, and those that registries have for it.
package struct StoredImages: JailImages {
    let store: ImageStore
    private let registries: RegistryConfiguration
    /// By image and who asks.
    private let pulls = SharedPulls<Image>()

    /// - Parameters:
    ///   - store: Where images are.
    ///   - registries: Where they come from.
    package init(_ store: ImageStore, registries: RegistryConfiguration) {
        self.store = store
        self.registries = registries
    }

    package func image(
        _ name: String, for holder: SandboxID?, pull: PullPolicy, credentials: RegistryCredentials?,
        report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) -> JailImage {
        let rule =
            switch pull {
            case .never: PullRule.never
            case .missing: PullRule.missing
            case .always: PullRule.always
            }
        let fetched = try await fetch(name, rule, credentials, report)
        guard let holder else { return JailImage(fetched) }
        // By its digest: the name may lead elsewhere by now.
        let held = try await blocking { [store] () throws(Failure) in
            try store.lease(fetched.digest, to: holder.rawValue)
        }
        guard let held else {
            throw Failure(.infraFailed, "Failed to pull image \(name). It was removed meanwhile; try again.")
        }
        return JailImage(held)
    }

    private func fetch(
        _ name: String, _ rule: PullRule, _ credentials: RegistryCredentials?,
        _ report: @escaping @Sendable (String) -> Void
    ) async throws(Failure) -> Image {
        if rule != .always {
            let present = try await blocking { [store] () throws(Failure) in try store.resolve(name) }
            if let present { return present }
            // Says in the store's words that it is not to be fetched.
            if rule == .never { return try await store.image(name, pull: .never, from: registries) }
        }
        let key = [name, credentials?.username ?? "", credentials?.password ?? ""].joined(separator: "\0")
        do {
            return try await pulls.join(key, report: report) { [store, registries] report in
                try await store.image(name, pull: rule, from: registries, login: credentials?.login) { progress in
                    report("Pulling \(name): \(progress.bytesDone >> 20) of \(progress.bytes >> 20) MiB.")
                }
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.infraFailed, "Failed to pull image \(name). It was cancelled.")
        }
    }

    package func release(_ holder: SandboxID) throws(Failure) { try store.release(holder.rawValue) }

    package func commit(_ upper: String, over base: String, tag: String) throws(Failure) -> String {
        guard let image = try store.resolve(base) else {
            throw Failure(.notFound, "commit: the image \(base) is not in the store any more.")
        }
        return try store.add(layer: upper, over: image, configuration: image.configuration, name: tag).digest
    }

    package func push(_ tag: String, credentials: RegistryCredentials?) async throws(Failure) {
        do throws(Failure) {
            _ = try await store.push(tag, to: registries, login: credentials?.login)
        } catch {
            throw Failure(error.kind, "push: \(error.message)")
        }
    }
}

extension JailImage {
    fileprivate init(_ image: Image) {
        self.init(digest: image.digest, layers: image.layers, environment: image.configuration.environment)
    }
}

extension RegistryCredentials {
    fileprivate var login: RegistryLogin { RegistryLogin(username: username, password: password) }
}
