import GEM
import SandboxHost

/// Mounts as configurations and requests write them.
extension ServerConfiguration.Runtime {
    /// A mount written as `/on/the/host:/inside` with `:ro` or `:rw` behind; read-only where neither stands.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument`.
    static func mount(_ text: String) throws(Failure) -> SandboxMount {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let mode = parts.count == 3 ? parts[2] : "ro"
        guard 2...3 ~= parts.count, parts[0].hasPrefix("/"), parts[1].hasPrefix("/"), ["ro", "rw"].contains(mode) else {
            throw Failure(
                .invalidArgument,
                "A mount is written /on/the/host:/inside or with :rw behind, not \(text.prefix(200)).")
        }
        return SandboxMount(source: parts[0], target: parts[1], isReadOnly: mode == "ro")
    }

    /// A folder that requests may mount, written as `/on/the/host`, with `:rw` behind where they may also write.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument`.
    static func mountRoot(_ text: String) throws(Failure) -> MountRoot {
        let allowsWriting = text.hasSuffix(":rw")
        var path = String(allowsWriting || text.hasSuffix(":ro") ? text.dropLast(3) : text[...])
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path.hasPrefix("/"), path == "/" || segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }),
            !path.contains(":")
        else {
            throw Failure(
                .invalidArgument,
                "runtime: allowed_mounts lists folders by absolute paths, with :rw behind where sandboxes may write: not "
                    + "\(text.prefix(200)).")
        }
        return MountRoot(path, allowsWriting: allowsWriting)
    }

    /// What drivers let pass: what requests may ask for, and what every sandbox sees.
    var mountRoots: [MountRoot] {
        allowedMounts + mounts.map { MountRoot($0.source, allowsWriting: !$0.isReadOnly) }
    }

    /// The mounts of a new sandbox: everybody's and those that the request wants.
    ///
    /// - Throws: ``Failure``: `forbidden` for what no request may mount, `invalidArgument` for what cannot be mounted.
    func mounts(_ wanted: [String]) throws(Failure) -> [SandboxMount] {
        let own = try wanted.map(Self.mount)
        for mount in own where !allowedMounts.contains(where: { $0.allows(mount) }) {
            let isVisible = allowedMounts.contains { $0.holds(mount.source) }
            throw Failure(
                .forbidden,
                isVisible
                    ? "\(mount.source) may be mounted read-only here."
                    : "\(mount.source) may not be mounted: the server's runtime.allowed_mounts does not name it or a folder above it."
            )
        }
        return mounts + own
    }
}
