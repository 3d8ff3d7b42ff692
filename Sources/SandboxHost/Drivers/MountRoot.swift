/// A folder of this machine's that sandboxes may be shown, with all that is below it.
package struct MountRoot: Equatable, Sendable {
    /// Absolute and plain: without `.`, `..` and doubled slashes.
    package let path: String
    package let allowsWriting: Bool

    package init(_ path: String, allowsWriting: Bool = false) {
        self.path = path
        self.allowsWriting = allowsWriting
    }

    /// Whether `source` is it or below it, as the texts say.
    package func holds(_ source: String) -> Bool { Self.folder(path, holds: source) }

    /// Whether a mount shows something of it, and is no more writable than it may be.
    package func allows(_ mount: SandboxMount) -> Bool { holds(mount.source) && (allowsWriting || mount.isReadOnly) }

    static func folder(_ folder: String, holds path: String) -> Bool {
        path == folder || path.hasPrefix(folder.hasSuffix("/") ? folder : folder + "/")
    }
}
