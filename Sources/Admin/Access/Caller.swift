package import Registry

/// Who asks: what a key allows, or what a way in does.
package struct Caller: Sendable, Equatable {
    /// A key's id, or what stands for one: `local` for a Unix socket, `anyone` where no key is asked for.
    package let name: String
    package let scope: APIScope
    /// The namespaces it sees; empty is all of them.
    package let namespaces: [String]

    package init(name: String, scope: APIScope, namespaces: [String] = []) {
        self.name = name
        self.scope = scope
        self.namespaces = namespaces
    }

    /// Who comes over a Unix socket, whose file's permissions are the lock, or is part of this process.
    package static let local = Caller(name: "local", scope: .admin)

    /// Who comes over TCP where no key is asked for.
    package static let anyone = Caller(name: "anyone", scope: .admin)

    init(_ key: APIKey) { self.init(name: key.id, scope: key.scope, namespaces: key.namespaces) }

    /// Whether it may do what `scope` is needed for.
    package func may(_ scope: APIScope) -> Bool {
        switch (self.scope, scope) {
        case (.admin, _), (.user, .user), (.user, .read), (.read, .read): true
        case (.user, .admin), (.read, .user), (.read, .admin): false
        }
    }

    /// Whether it sees what belongs to `namespace`.
    package func sees(_ namespace: String) -> Bool { namespaces.isEmpty || namespaces.contains(namespace) }
}
