import CLinux

/// A set of values that rules look up.
struct FilterSet: Sendable {
    /// What its elements are, with the numbers that `nft list` shows them by.
    enum Key: Sendable {
        case interface, interfaceAndAddress, address, addressAndPort

        var length: UInt32 {
            switch self {
            case .interface: 16
            case .interfaceAndAddress: 20
            case .address: 4
            case .addressAndPort: 8
            }
        }

        var displayType: UInt32 {
            switch self {
            case .interface: 41
            case .interfaceAndAddress: 41 << 6 | 7
            case .address: 7
            case .addressAndPort: 7 << 6 | 13
            }
        }
    }

    let name: String
    let key: Key
    /// Each element leads to a verdict.
    var isMap = false
    /// Elements go by themselves.
    var expires = false

    var flags: UInt32 {
        (isMap ? NFT_SET_MAP.rawValue : 0) | (expires ? NFT_SET_TIMEOUT.rawValue : 0)
    }

    static func key(interface: String) -> [UInt8] {
        Array(interface.utf8.prefix(15)) + [UInt8](repeating: 0, count: 16 - min(15, interface.utf8.count))
    }
    static func key(_ address: IPv4, port: UInt16) -> [UInt8] { address.bytes + port.bigEndian.nativeBytes + [0, 0] }
}
