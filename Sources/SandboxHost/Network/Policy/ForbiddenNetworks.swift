import GEM

/// What no sandbox reaches, whatever its policy says.
enum ForbiddenNetworks {
    /// In every installation.
    static let always: [IPv4Network] = [
        IPv4Network(IPv4(0), length: 8),  // this network
        IPv4Network(IPv4(127 << 24), length: 8),  // loopback
        IPv4Network(IPv4(169 << 24 | 254 << 16), length: 16),  // link-local, and most clouds' metadata
        IPv4Network(IPv4(100 << 24 | 100 << 16 | 100 << 8 | 200), length: 32),  // Alibaba Cloud's metadata
        IPv4Network(IPv4(168 << 24 | 63 << 16 | 129 << 8 | 16), length: 32),  // Azure's wire server
        IPv4Network(IPv4(192 << 24 | 192), length: 32),  // Oracle Cloud's metadata
        IPv4Network(IPv4(224 << 24), length: 4),  // multicast
        IPv4Network(IPv4(240 << 24), length: 4),  // reserved, and broadcast
    ]

    /// Interfaces behind which container engines and virtual machines of this machine live, by the beginning of their
    /// names: these are no outside.
    static let interfaces = ["docker", "br-", "podman", "cni", "flannel", "cali", "lxcbr", "lxdbr", "virbr", "vmnet"]

    /// Reads an operator's own.
    ///
    /// - Throws: ``Failure`` `invalidArgument`, naming the one that is none.
    static func read(_ texts: [String]) throws(Failure) -> [IPv4Network] {
        var networks: [IPv4Network] = []
        for text in texts {
            guard let network = IPv4Network(text) else {
                throw Failure(
                    .invalidArgument, "\"\(text)\" is no network: write forbidden networks like 192.0.2.0/24")
            }
            networks.append(network)
        }
        return networks
    }
}
