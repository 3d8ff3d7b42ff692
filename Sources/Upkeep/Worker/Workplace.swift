package import GEM
package import SandboxHost
package import Transport

/// What tasks work with on one machine.
package struct Workplace: Sendable {
    /// Every folder of images that is kept here: the image store, and the engine's.
    package var images: [any ImageUpkeep]
    package var machine: Machine
    /// The data directory.
    package var folder: String
    /// Where the server's logs are; `nil` where it writes none to files.
    package var logs: String?
    /// Folders below which a task may remove files. Everything else is out of its reach.
    package var fileRoots: [String]
    /// The sandboxes that somebody may still ask for, running or not.
    package var wanted: @Sendable () async -> Result<Set<SandboxID>, Failure>
    /// When sandboxes last used images, in seconds since 1970 by the names that requests called them.
    package var imageUses: @Sendable () -> [String: Int64]
    package var loop: EventLoop

    package init(
        images: [any ImageUpkeep], machine: Machine, folder: String, logs: String?, fileRoots: [String],
        wanted: @escaping @Sendable () async -> Result<Set<SandboxID>, Failure>,
        imageUses: @escaping @Sendable () -> [String: Int64], loop: EventLoop
    ) {
        self.images = images
        self.machine = machine
        self.folder = folder
        self.logs = logs
        self.fileRoots = fileRoots
        self.wanted = wanted
        self.imageUses = imageUses
        self.loop = loop
    }
}
