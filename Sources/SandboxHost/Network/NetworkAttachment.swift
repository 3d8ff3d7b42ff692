/// What a sandbox is to be told about its network.
package struct NetworkAttachment: Sendable, Equatable {
    /// Its own address, such as `10.201.0.5`; `nil` with loopback only.
    package let address: String?
    /// What belongs into its `/etc/resolv.conf`.
    package let resolverConfiguration: String

    /// Nothing but loopback: every look-up of a name fails at once.
    package static let loopbackOnly = NetworkAttachment(address: nil, resolverConfiguration: "")

    /// What belongs into its `/etc/hosts`.
    package func hosts(hostname: String) -> String {
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\(address ?? "127.0.1.1")\t\(hostname)\n"
    }
}

/// What went through a sandbox's network.
package struct NetworkStatistics: Sendable, Equatable {
    /// From the sandbox's view.
    package var receivedBytes: Int64 = 0
    package var sentBytes: Int64 = 0
    package var receivedPackets: Int64 = 0
    package var sentPackets: Int64 = 0
    /// Names that were asked for and are not allowed.
    package var refusedNames: Int64 = 0

    package init() {}
}
