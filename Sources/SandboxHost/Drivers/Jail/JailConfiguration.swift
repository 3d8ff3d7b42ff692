/// How the jail driver runs its sandboxes.
package struct JailConfiguration: Sendable {
    /// The server's data directory: an absolute path. Sandboxes are kept in its folder `sandboxes`.
    package var dataDirectory: String
    /// The `rocklet` executable, fully static.
    package var rockletPath: String
    /// The first user and group id, outside, that sandboxes' ids become. Each takes 65,536; nobody else of the machine's
    /// may use them. The default is above what systemd, login programs and other container engines give out.
    package var firstID: UInt32 = 1_879_048_192
    /// How many such ranges there are, and with it how many sandboxes can run at a time.
    package var idRanges = 4095
    /// Folders of the machine's, beside `/usr`, that sandboxes of the image `host` see. Every file in them can be read inside.
    package var hostFolders: [String] = []
    /// Folders of the machine's that sandboxes may mount, themselves or what is in them; nothing else can be mounted.
    package var mountSources: [MountRoot] = []
    /// How long a sandbox may take until its rocklet answers.
    package var startTimeout: Duration = .seconds(30)
    /// The rocklet's arguments, its name first.
    var arguments = ["rocklet", "serve", "--listen-fd", "3", "--descriptors-fd", "4"]

    /// Whether a start waits for the rocklet's first answer; tests that run another program do not.
    var awaitsAnswer = true

    package init(dataDirectory: String, rockletPath: String) {
        self.dataDirectory = dataDirectory
        self.rockletPath = rockletPath
    }

    var sandboxes: String { dataDirectory + "/sandboxes" }
    /// What the driver itself keeps: empty file systems, the machine's tree made ready.
    var ownFolder: String { dataDirectory + "/jail" }
}
