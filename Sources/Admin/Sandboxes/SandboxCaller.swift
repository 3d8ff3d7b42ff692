/// Who asks for something about sandboxes, and what may be shown to them.
struct SandboxCaller: Sendable {
    /// What ROCK's headers say; each that is absent counts as `default`.
    var userID = "default"
    var experimentID = "default"
    var namespace = "default"
    var clusterName = "default"
    /// The value of `X-Key`, which is kept sealed.
    var key = "default"
    /// The namespaces whose sandboxes there are for this caller; `nil` is all.
    var namespaces: Set<String>?

    init() {}

    /// Whether a sandbox in `namespace` exists for this caller.
    func sees(_ namespace: String) -> Bool { namespaces?.contains(namespace) ?? true }
}
