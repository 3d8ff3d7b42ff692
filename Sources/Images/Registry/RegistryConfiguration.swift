/// Which registries there are and how they are spoken to.
package struct RegistryConfiguration: Sendable, Equatable {
    /// The host that serves images without a registry in their name.
    package var registry = "registry-1.docker.io"
    /// Hosts that are asked first for those images.
    package var mirrors: [String] = []
    /// Registries, as `HOST` or `HOST:PORT`, that are spoken to without TLS.
    package var insecure: [String] = []

    package init() {}

    /// The servers to ask for an image of `registry`, in order.
    func servers(of registry: String) -> [RegistryServer] {
        let hosts = registry == ImageReference.defaultRegistry ? mirrors + [self.registry] : [registry]
        return hosts.map { RegistryServer(host: $0, isSecure: !insecure.contains($0)) }
    }
}

/// One registry's server.
struct RegistryServer: Hashable, Sendable {
    let host: String
    /// Whether it is spoken to with TLS only.
    let isSecure: Bool

    var url: String { "\(isSecure ? "https" : "http")://\(host)" }
}

/// Who asks a registry.
package struct RegistryLogin: Sendable, Hashable {
    package var username: String
    package var password: String

    package init(username: String, password: String) {
        self.username = username
        self.password = password
    }
}
