import GEM

/// Whom a sandbox may reach, read from the entries of ``NetworkPolicy/allow(_:)``.
///
/// An entry is a host's name (`pypi.org`), every name below one (`*.pythonhosted.org`), an address or a network
/// (`192.0.2.0/24`); each with `:port` for that port alone, else for every port.
struct AllowList: Sendable, Equatable {
    struct Destination: Hashable, Sendable {
        let network: IPv4Network
        let port: UInt16?
    }

    struct Name: Hashable, Sendable {
        let name: DomainName
        /// It stands for the names below it.
        let isWildcard: Bool
        let port: UInt16?
    }

    private(set) var destinations: [Destination] = []
    private(set) var names: [Name] = []

    /// - Parameters:
    ///   - entries: As the client wrote them.
    ///   - limit: How many there may be.
    ///   - forbidden: Networks that nobody may have.
    /// - Throws: ``Failure`` `invalidArgument`, naming the entry.
    init(_ entries: [String], limit: Int, forbidden: [IPv4Network]) throws(Failure) {
        guard entries.count <= limit else {
            throw Failure(
                .invalidArgument,
                "the network's allow-list has \(entries.count) entries, and at most \(limit) are possible: name networks "
                    + "in CIDR form or wildcards such as *.example.org")
        }
        for entry in entries {
            let (host, port) = try Self.parts(of: entry)
            if let network = IPv4Network(host) {
                if let wall = forbidden.first(where: { $0.length <= network.length && $0.contains(network.first) }) {
                    throw Failure(
                        .invalidArgument,
                        "\(entry) cannot be allowed: no sandbox reaches \(wall), which holds this machine's own, other "
                            + "sandboxes' or metadata addresses")
                }
                destinations.append(Destination(network: network, port: port))
            } else {
                let isWildcard = host.hasPrefix("*.")
                let bare = isWildcard ? host.dropFirst(2) : host
                // A last label of digits would be an address that is written wrongly.
                guard let name = DomainName(bare), let top = name.text.split(separator: ".").last,
                    !top.utf8.allSatisfy({ (0x30...0x39) ~= $0 })
                else { throw Self.unreadable(entry) }
                names.append(Name(name: name, isWildcard: isWildcard, port: port))
            }
        }
    }

    /// What a name is allowed for: ports, or `nil` among them for every port. Empty where it is not allowed.
    func ports(for name: DomainName) -> Set<UInt16?> {
        Set(names.lazy.filter { $0.isWildcard ? name.isBelow($0.name) : name == $0.name }.map(\.port))
    }

    private static func parts(of entry: String) throws(Failure) -> (host: Substring, port: UInt16?) {
        let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return (parts[0], nil)
        case 2:
            guard let port = UInt16(parts[1]), port != 0, String(port) == parts[1] else { throw unreadable(entry) }
            return (parts[0], port)
        default: throw unreadable(entry)
        }
    }

    private static func unreadable(_ entry: String) -> Failure {
        Failure(
            .invalidArgument,
            "the network's allow-list cannot hold \"\(entry.prefix(300))\": write a host's name, *.name, an IPv4 address or "
                + "a network such as 192.0.2.0/24, each perhaps with :port")
    }
}
