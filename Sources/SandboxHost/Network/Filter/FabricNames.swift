/// What the things of one server are called in the kernel. From a sandbox's number everything of it follows.
struct FabricNames: Sendable, Equatable {
    /// `rock_` and five hexadecimal digits.
    let table: String
    /// What the names of this server's interfaces begin with.
    let interfacePrefix: String
    /// Where the search for free addresses begins, 0–127.
    let firstChoice: Int

    /// What the names of every server's interfaces begin with.
    static let anyInterfacePrefix = "rock"

    /// Numbers of sandboxes: the last 16 bits of their addresses. The first few are for the machine's own end.
    static let numbers = 16...65_000

    init(dataDirectory: String) {
        // FNV-1a: all that matters is that servers of one machine differ.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in dataDirectory.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String((hash >> 16) & 0xF_FFFF, radix: 16)
        let padded = String(repeating: "0", count: 5 - digits.utf8.count) + digits
        table = "rock_\(padded)"
        // 10 bytes, and 5 for the number: an interface's name has at most 15.
        interfacePrefix = Self.anyInterfacePrefix + padded + "-"
        firstChoice = Int(hash % 128)
    }

    func interface(_ number: Int) -> String { interfacePrefix + String(number) }
    func chain(_ number: Int) -> String { "sandbox-\(number)" }
    /// Addresses of allowed names, for every port.
    func addresses(_ number: Int) -> String { "addresses-\(number)" }
    /// Addresses of allowed names, for some ports.
    func endpoints(_ number: Int) -> String { "endpoints-\(number)" }

    /// The number that an interface or chain belongs to; `nil` where it is none of this server's.
    func number(ofInterface name: String) -> Int? { number(name, after: interfacePrefix) }
    func number(ofChain name: String) -> Int? { number(name, after: "sandbox-") }

    private func number(_ name: String, after prefix: String) -> Int? {
        guard name.hasPrefix(prefix), let number = Int(name.dropFirst(prefix.count)), Self.numbers ~= number else {
            return nil
        }
        return number
    }
}

/// The addresses of one server's sandboxes, and of the machine's end of all their networks.
struct AddressPlan: Sendable, Equatable {
    /// 65,536 addresses.
    let network: IPv4Network

    init(_ network: IPv4Network) { self.network = IPv4Network(network.first, length: 16) }

    /// The machine's end, where names are answered.
    var gateway: IPv4 { IPv4(network.first.rawValue + 1) }

    func address(_ number: Int) -> IPv4 { IPv4(network.first.rawValue + UInt32(number)) }

    /// The first of `10.128` to `10.255`, from a server's own choice on, that no route leads into; `nil` where all are
    /// taken.
    static func choose(from first: Int, avoiding routes: [IPv4Network]) -> AddressPlan? {
        for step in 0..<128 {
            let network = IPv4Network(IPv4(10 << 24 | UInt32(128 + (first + step) % 128) << 16), length: 16)
            // A route to everywhere, or to all private addresses, is no sign that somebody lives there.
            if !routes.contains(where: { $0.length > 8 && $0.overlaps(network) }) { return AddressPlan(network) }
        }
        return nil
    }
}
