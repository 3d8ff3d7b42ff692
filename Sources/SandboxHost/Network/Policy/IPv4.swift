/// An IPv4 address.
struct IPv4: Hashable, Sendable, CustomStringConvertible {
    /// Most significant byte first.
    let rawValue: UInt32

    init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// The address in the first four bytes of a packet or attribute; 0.0.0.0 where there are fewer.
    init(networkOrder bytes: some Collection<UInt8>) {
        rawValue = bytes.count >= 4 ? bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } : 0
    }

    /// Fails unless `text` is four decimal numbers of 0–255 without leading zeros, with dots between: what some programs
    /// take for octal or short forms is no address here.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let byte = UInt8(part), String(byte) == part else { return nil }
            value = value << 8 | UInt32(byte)
        }
        rawValue = value
    }

    /// In the order of the network.
    var bytes: [UInt8] { rawValue.bigEndian.nativeBytes }

    var description: String { bytes.map(String.init).joined(separator: ".") }
}

/// A network of IPv4 addresses: those that begin with the same bits.
struct IPv4Network: Hashable, Sendable, CustomStringConvertible {
    let first: IPv4
    /// How many bits they share, 0–32.
    let length: Int

    /// - Parameters:
    ///   - address: Any address of the network; the bits beyond `length` are dropped.
    ///   - length: 0–32; more counts as 32.
    init(_ address: IPv4, length: Int) {
        self.length = max(0, min(32, length))
        first = IPv4(address.rawValue & Self.mask(self.length))
    }

    /// Fails unless `text` is an address, or one followed by `/` and 0–32.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let head = parts.first, let address = IPv4(head) else { return nil }
        guard parts.count == 2 else {
            self.init(address, length: 32)
            return
        }
        guard let length = Int(parts[1]), 0...32 ~= length, String(length) == parts[1] else { return nil }
        self.init(address, length: length)
    }

    var mask: IPv4 { IPv4(Self.mask(length)) }

    func contains(_ address: IPv4) -> Bool { address.rawValue & mask.rawValue == first.rawValue }

    func overlaps(_ other: IPv4Network) -> Bool {
        length <= other.length ? contains(other.first) : other.contains(first)
    }

    var description: String { "\(first)/\(length)" }

    private static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : ~0 << UInt32(32 - length) }
}
