import CLinux
import Glibc

/// One rule of a packet filter: steps that each load, change or compare something, up to a verdict.
///
/// A step that compares ends the rule for packets that differ. Values lie in registers of 16 bytes, each of which is four
/// of 4 bytes; sets that are looked up by several values find them side by side.
struct PacketRule: Sendable {
    /// What becomes of a packet.
    enum Verdict: Sendable {
        case accept, drop
        /// Goes on in another chain and comes back if nothing there decides.
        case jump(String)
        /// Goes on in another chain for good.
        case go(String)
    }

    /// Where a value lies, in words of 4 bytes from the first register.
    struct Place: Sendable {
        let word: UInt32
        static let first = Place(word: 0)
        /// Behind an interface's name, which takes 16 bytes.
        static let afterInterface = Place(word: 4)
        static let second = Place(word: 1)
        var register: UInt32 { NFT_REG32_00.rawValue + word }
    }

    private enum Step: Sendable {
        case meta(nft_meta_keys, Place)
        case payload(nft_payload_bases, offset: UInt32, length: UInt32, Place)
        case connection(nft_ct_keys, Place)
        case setMark(Place)
        case destinationKind(Place)
        case mask([UInt8], Place)
        case compare([UInt8], isEqual: Bool, Place)
        case isIn(String, isWanted: Bool, Place)
        case verdictFrom(String, Place)
        case value([UInt8], Place)
        case verdict(Verdict)
        case reject
        case masquerade
        case moreConnections(UInt32)
    }

    private var steps: [Step] = []

    // MARK: Conditions

    /// It came in through an interface whose name begins like this.
    func from(_ prefix: String) -> PacketRule {
        adding(.meta(NFT_META_IIFNAME, .first), .compare(Array(prefix.utf8), isEqual: true, .first))
    }

    /// It leaves, or does not leave, through an interface whose name begins like this.
    func to(_ prefix: String, _ isWanted: Bool = true) -> PacketRule {
        adding(.meta(NFT_META_OIFNAME, .first), .compare(Array(prefix.utf8), isEqual: isWanted, .first))
    }

    /// It is of IPv4, or is not.
    func isIPv4(_ isWanted: Bool = true) -> PacketRule {
        adding(.meta(NFT_META_NFPROTO, .first), .compare([UInt8(ROCK_NFPROTO_IPV4)], isEqual: isWanted, .first))
    }

    /// Its protocol is one of TCP, UDP, ICMP or another by number.
    func carries(_ protocol: Int) -> PacketRule {
        adding(.meta(NFT_META_L4PROTO, .first), .compare([UInt8(`protocol`)], isEqual: true, .first))
    }

    func comesFrom(_ network: IPv4Network) -> PacketRule { address(offset: 12, network, true) }
    func goesTo(_ network: IPv4Network, _ isWanted: Bool = true) -> PacketRule {
        address(offset: 16, network, isWanted)
    }

    /// Its port of destination; only for what has ports.
    func goesTo(port: UInt16) -> PacketRule {
        adding(
            .payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, length: 2, .first),
            .compare(port.bigEndian.nativeBytes, isEqual: true, .first))
    }

    /// Its destination is an address of this machine's.
    func goesToThisMachine() -> PacketRule {
        adding(.destinationKind(.first), .compare(UInt32(RTN_LOCAL).nativeBytes, isEqual: true, .first))
    }

    /// Its connection is in one of these states, `ROCK_CT_…`; or in none of them.
    func hasState(_ states: Int, _ isWanted: Bool = true) -> PacketRule {
        adding(
            .connection(NFT_CT_STATE, .first), .mask(UInt32(states).nativeBytes, .first),
            .compare([0, 0, 0, 0], isEqual: !isWanted, .first))
    }

    /// Somebody has given its connection another destination, or nobody has.
    func isRedirected(_ isWanted: Bool) -> PacketRule {
        adding(
            .connection(NFT_CT_STATUS, .first), .mask(UInt32(ROCK_CT_STATUS_DESTINATION).nativeBytes, .first),
            .compare([0, 0, 0, 0], isEqual: !isWanted, .first))
    }

    /// Its connection bears a mark.
    func hasMark(_ mark: UInt32) -> PacketRule {
        adding(.connection(NFT_CT_MARK, .first), .compare(mark.nativeBytes, isEqual: true, .first))
    }

    /// It would begin one connection too many.
    func exceeds(connections: Int) -> PacketRule { adding(.moreConnections(UInt32(connections))) }

    /// The interface it came through, with its source address, is not in a set.
    func hasStrangeSource(_ set: String) -> PacketRule {
        adding(
            .meta(NFT_META_IIFNAME, .first),
            .payload(NFT_PAYLOAD_NETWORK_HEADER, offset: 12, length: 4, .afterInterface),
            .isIn(set, isWanted: false, .first))
    }

    /// Its destination is in a set of addresses.
    func goesTo(addressIn set: String) -> PacketRule {
        adding(
            .payload(NFT_PAYLOAD_NETWORK_HEADER, offset: 16, length: 4, .first), .isIn(set, isWanted: true, .first))
    }

    /// Its destination is in a set of addresses with ports; only for what has ports.
    func goesTo(endpointIn set: String) -> PacketRule {
        adding(
            .payload(NFT_PAYLOAD_NETWORK_HEADER, offset: 16, length: 4, .first),
            .payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, length: 2, .second), .isIn(set, isWanted: true, .first))
    }

    // MARK: Ends

    /// Marks its connection and lets it through.
    func mark(_ mark: UInt32) -> PacketRule {
        adding(.value(mark.nativeBytes, .first), .setMark(.first), .verdict(.accept))
    }
    func then(_ verdict: Verdict) -> PacketRule { adding(.verdict(verdict)) }
    /// Refuses it and tells the sender that an administrator forbids it, so that nobody waits in vain.
    func reject() -> PacketRule { adding(.reject) }
    /// Sends it in this machine's name.
    func masquerade() -> PacketRule { adding(.masquerade) }
    /// Goes where a map sends what comes from its interface.
    func then(byInterface map: String) -> PacketRule {
        adding(.meta(NFT_META_IIFNAME, .first), .verdictFrom(map, .first))
    }

    // MARK: Steps

    private func address(offset: UInt32, _ network: IPv4Network, _ isWanted: Bool) -> PacketRule {
        adding(
            .payload(NFT_PAYLOAD_NETWORK_HEADER, offset: offset, length: 4, .first), .mask(network.mask.bytes, .first),
            .compare(network.first.bytes, isEqual: isWanted, .first))
    }

    private func adding(_ more: Step...) -> PacketRule {
        var rule = self
        rule.steps += more
        return rule
    }
}

// MARK: The kernel's form

extension PacketRule {
    /// Puts every step as an expression of the kernel's.
    func put(into message: inout NetlinkMessage) {
        for step in steps {
            message.nest(NFTA_LIST_ELEM) { message in
                message.put(NFTA_EXPR_NAME, Self.name(of: step))
                message.nest(NFTA_EXPR_DATA) { Self.put(step, into: &$0) }
            }
        }
    }

    private static func name(of step: Step) -> String {
        switch step {
        case .meta: "meta"
        case .payload: "payload"
        case .connection, .setMark: "ct"
        case .destinationKind: "fib"
        case .mask: "bitwise"
        case .compare: "cmp"
        case .isIn, .verdictFrom: "lookup"
        case .value, .verdict: "immediate"
        case .reject: "reject"
        case .masquerade: "masq"
        case .moreConnections: "connlimit"
        }
    }

    private static func put(_ step: Step, into message: inout NetlinkMessage) {
        switch step {
        case .meta(let key, let place):
            message.put(NFTA_META_KEY, bigEndian: key.rawValue)
            message.put(NFTA_META_DREG, bigEndian: place.register)
        case .payload(let base, let offset, let length, let place):
            message.put(NFTA_PAYLOAD_DREG, bigEndian: place.register)
            message.put(NFTA_PAYLOAD_BASE, bigEndian: base.rawValue)
            message.put(NFTA_PAYLOAD_OFFSET, bigEndian: offset)
            message.put(NFTA_PAYLOAD_LEN, bigEndian: length)
        case .connection(let key, let place):
            message.put(NFTA_CT_KEY, bigEndian: key.rawValue)
            message.put(NFTA_CT_DREG, bigEndian: place.register)
        case .setMark(let place):
            message.put(NFTA_CT_KEY, bigEndian: NFT_CT_MARK.rawValue)
            message.put(NFTA_CT_SREG, bigEndian: place.register)
        case .destinationKind(let place):
            message.put(NFTA_FIB_DREG, bigEndian: place.register)
            message.put(NFTA_FIB_RESULT, bigEndian: NFT_FIB_RESULT_ADDRTYPE.rawValue)
            message.put(NFTA_FIB_FLAGS, bigEndian: NFTA_FIB_F_DADDR.rawValue)
        case .mask(let mask, let place):
            message.put(NFTA_BITWISE_SREG, bigEndian: place.register)
            message.put(NFTA_BITWISE_DREG, bigEndian: place.register)
            message.put(NFTA_BITWISE_LEN, bigEndian: UInt32(mask.count))
            message.nest(NFTA_BITWISE_MASK) { $0.put(NFTA_DATA_VALUE, mask) }
            message.nest(NFTA_BITWISE_XOR) { $0.put(NFTA_DATA_VALUE, mask.map { _ in 0 }) }
        case .compare(let value, let isEqual, let place):
            message.put(NFTA_CMP_SREG, bigEndian: place.register)
            message.put(NFTA_CMP_OP, bigEndian: (isEqual ? NFT_CMP_EQ : NFT_CMP_NEQ).rawValue)
            message.nest(NFTA_CMP_DATA) { $0.put(NFTA_DATA_VALUE, value) }
        case .isIn(let set, let isWanted, let place):
            message.put(NFTA_LOOKUP_SET, set)
            message.put(NFTA_LOOKUP_SREG, bigEndian: place.register)
            if !isWanted { message.put(NFTA_LOOKUP_FLAGS, bigEndian: UInt32(NFT_LOOKUP_F_INV.rawValue)) }
        case .verdictFrom(let map, let place):
            message.put(NFTA_LOOKUP_SET, map)
            message.put(NFTA_LOOKUP_SREG, bigEndian: place.register)
            message.put(NFTA_LOOKUP_DREG, bigEndian: NFT_REG_VERDICT.rawValue)
        case .value(let value, let place):
            message.put(NFTA_IMMEDIATE_DREG, bigEndian: place.register)
            message.nest(NFTA_IMMEDIATE_DATA) { $0.put(NFTA_DATA_VALUE, value) }
        case .verdict(let verdict):
            message.put(NFTA_IMMEDIATE_DREG, bigEndian: NFT_REG_VERDICT.rawValue)
            message.nest(NFTA_IMMEDIATE_DATA) { verdict.put(into: &$0) }
        case .reject:
            message.put(NFTA_REJECT_TYPE, bigEndian: NFT_REJECT_ICMPX_UNREACH.rawValue)
            message.put(NFTA_REJECT_ICMP_CODE, [UInt8(NFT_REJECT_ICMPX_ADMIN_PROHIBITED.rawValue)])
        case .masquerade: break
        case .moreConnections(let count):
            message.put(NFTA_CONNLIMIT_COUNT, bigEndian: count)
            message.put(NFTA_CONNLIMIT_FLAGS, bigEndian: UInt32(NFT_CONNLIMIT_F_INV.rawValue))
        }
    }
}

extension PacketRule.Verdict {
    func put(into message: inout NetlinkMessage) {
        message.nest(NFTA_DATA_VERDICT) { message in
            switch self {
            case .accept: message.put(NFTA_VERDICT_CODE, bigEndian: UInt32(ROCK_NF_ACCEPT))
            case .drop: message.put(NFTA_VERDICT_CODE, bigEndian: UInt32(ROCK_NF_DROP))
            case .jump(let chain):
                message.put(NFTA_VERDICT_CODE, bigEndian: UInt32(bitPattern: NFT_JUMP.rawValue))
                message.put(NFTA_VERDICT_CHAIN, chain)
            case .go(let chain):
                message.put(NFTA_VERDICT_CODE, bigEndian: UInt32(bitPattern: NFT_GOTO.rawValue))
                message.put(NFTA_VERDICT_CHAIN, chain)
            }
        }
    }
}
