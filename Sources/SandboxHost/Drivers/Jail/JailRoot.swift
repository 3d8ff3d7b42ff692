/// What a jail's root is put together from.
struct JailRoot: Sendable {
    /// One mount: read-only layers, and a writable one of the sandbox's own on top.
    struct Part: Sendable {
        /// Where in the root, without a slash in front; empty for the root itself.
        let target: String
        /// Tells the part's writable layer from the others': a few letters; empty for the root itself.
        let name: String
        /// Folders, the top one first.
        let layers: [String]
    }

    /// The root itself first.
    let parts: [Part]
    let environment: [String]
    /// Empty for the machine's own tree.
    let digest: String
    /// For the machine's own tree: which copy of the parts that are copied.
    var hostCopy: String?
}
