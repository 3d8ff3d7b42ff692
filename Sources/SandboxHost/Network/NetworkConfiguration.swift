/// How a machine connects its sandboxes.
package struct NetworkConfiguration: Sendable {
    /// The server's data directory. Names of interfaces and tables are made of it, so that several servers of one machine
    /// keep out of each other's way and each finds its own again.
    package var dataDirectory: String
    /// Who answers for names that sandboxes ask for, as `address` or `address:port`; empty for what `/etc/resolv.conf`
    /// says whenever it is needed.
    package var nameServers: [String] = []
    /// Networks in CIDR form that no sandbox reaches, on top of those that none ever does.
    package var forbiddenNetworks: [String] = []
    /// The first 16 bits of the sandboxes' addresses, such as `10.201`; `nil` to choose one of `10.128` to `10.255` that
    /// no route of the machine's uses.
    package var addressPrefix: String?
    /// The address of the machine's that published ports listen on.
    package var publishAddress = "127.0.0.1"
    /// Connections that one sandbox may have open to the outside at a time.
    package var maximumFlows = 4096
    /// Connections to published ports that one sandbox may have open at a time.
    package var maximumPublishedConnections = 1024
    /// Entries of one allow-list.
    package var maximumAllowEntries = 256

    /// A descriptor of the network namespace that plays the machine, so that tests need not touch the real one; `nil` for
    /// this process's own.
    var machine: Int32?

    package init(dataDirectory: String) {
        self.dataDirectory = dataDirectory
    }
}
