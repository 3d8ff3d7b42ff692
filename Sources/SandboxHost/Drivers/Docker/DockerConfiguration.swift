/// How the docker driver runs sandboxes.
package struct DockerConfiguration: Sendable {
    /// The engine's socket, a path with or without `unix://` in front; `nil` looks at `DOCKER_HOST` and in the usual places.
    package var socket: String?
    /// The folder that holds a folder for each sandbox. The engine must see it under the same path.
    package var sandboxesFolder: String
    /// The static `rocklet`, which is mounted into every sandbox.
    package var rockletPath: String
    /// With ``MinimumIsolation/strict``, a start is refused where a wall or limit that was asked for does not stand; with
    /// ``MinimumIsolation/bestEffort``, the answer says which do not. Limits on memory, processors and processes are
    /// never given up.
    package var minimumIsolation = MinimumIsolation.bestEffort
    /// Folders of this machine that sandboxes may have mounted, with all that is below. None by default.
    package var allowedMounts: [MountRoot] = []
    /// A folder that no sandbox sees, nor one above it, whatever is allowed.
    package var hiddenFolder: String?
    /// How long a sandbox may take from its launch to its rocklet's first answer.
    package var startLimit = Duration.seconds(85)
    /// How long fetching or sending an image may take.
    package var transferLimit = Duration.seconds(3600)

    package init(sandboxesFolder: String, rockletPath: String) {
        self.sandboxesFolder = sandboxesFolder
        self.rockletPath = rockletPath
    }

    /// Marks what this server's sandboxes are, among those of all servers that use the engine: from the folder's path, by
    /// 64-bit FNV-1a, so that a successor in the same place finds them.
    var serverName: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in sandboxesFolder.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
