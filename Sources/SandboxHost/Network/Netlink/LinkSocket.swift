import CLinux
import Glibc
import Transport

/// Interfaces, addresses and routes of one network namespace.
struct LinkSocket: ~Copyable {
    private var socket: NetlinkSocket

    /// - Parameter namespace: A descriptor of the namespace; `nil` for this process's own.
    /// - Throws: ``SystemCallError``: `EPERM` where it may not be entered.
    init(in namespace: Int32? = nil) throws(SystemCallError) {
        socket = try NetlinkSocket(Int(ROCK_NETLINK_ROUTE), in: namespace)
    }

    /// Adds a pair of interfaces: `name` here, `peer` in the namespace that `descriptor` names. What one sends the other
    /// receives.
    mutating func addPair(_ name: String, peer: String, in descriptor: Int32, mtu: UInt32) throws(SystemCallError) {
        var message = link(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL)
        message.put(IFLA_IFNAME, name)
        message.put(IFLA_MTU, mtu)
        // One queue: the default is one for each processor, and thousands of pairs make that memory.
        message.put(IFLA_NUM_TX_QUEUES, UInt32(1))
        message.put(IFLA_NUM_RX_QUEUES, UInt32(1))
        message.nest(IFLA_LINKINFO) { message in
            message.put(IFLA_INFO_KIND, "veth")
            message.nest(IFLA_INFO_DATA) { message in
                message.nest(Int(VETH_INFO_PEER)) { message in
                    message.put(raw: [UInt8](repeating: 0, count: MemoryLayout<ifinfomsg>.size))
                    message.put(IFLA_IFNAME, peer)
                    message.put(IFLA_MTU, mtu)
                    message.put(IFLA_NUM_TX_QUEUES, UInt32(1))
                    message.put(IFLA_NUM_RX_QUEUES, UInt32(1))
                    message.put(IFLA_NET_NS_FD, UInt32(bitPattern: descriptor))
                }
            }
        }
        try socket.send([message.finished()], "add interface \(name)")
    }

    /// Switches an interface on, without IPv6 addresses of its own.
    ///
    /// - Parameters:
    ///   - name: The interface.
    ///   - alias: A note for people and for ``interfaces()``; `nil` for none.
    ///   - forwards: Whether what arrives there may go on to other interfaces.
    /// - Throws: ``SystemCallError``: `ENODEV` where there is none of that name.
    mutating func raise(_ name: String, alias: String? = nil, forwards: Bool = false) throws(SystemCallError) {
        var message = link(RTM_SETLINK, 0, flags: UInt32(IFF_UP))
        message.put(IFLA_IFNAME, name)
        if let alias { message.put(IFLA_IFALIAS, alias) }
        message.nest(IFLA_AF_SPEC) { message in
            if forwards { Self.putForwarding(true, in: &message) }
            // Refused where the kernel has no IPv6, which is as good.
            if Self.hasIPv6 {
                message.nest(Int(AF_INET6)) { message in
                    message.put(Int(IFLA_INET6_ADDR_GEN_MODE), [UInt8(IN6_ADDR_GEN_MODE_NONE.rawValue)])
                }
            }
        }
        try socket.send([message.finished()], "set up interface \(name)")
    }

    /// Switches loopback on.
    mutating func raiseLoopback() throws(SystemCallError) {
        var message = link(RTM_SETLINK, 0, flags: UInt32(IFF_UP))
        message.put(IFLA_IFNAME, "lo")
        try socket.send([message.finished()], "set up interface lo")
    }

    /// Sets whether what arrives at an interface may go on to others.
    mutating func setForwarding(_ isOn: Bool, of name: String) throws(SystemCallError) {
        var message = link(RTM_SETLINK, 0)
        message.put(IFLA_IFNAME, name)
        message.nest(IFLA_AF_SPEC) { Self.putForwarding(isOn, in: &$0) }
        try socket.send([message.finished()], "set forwarding of \(name)")
    }

    /// Removes an interface, and with it its other end, its addresses and routes. That there is none is no failure.
    mutating func remove(_ name: String) throws(SystemCallError) {
        var message = link(RTM_DELLINK, 0)
        message.put(IFLA_IFNAME, name)
        do {
            try socket.send([message.finished()], "remove interface \(name)")
        } catch  where error.errno == ENODEV {}
    }

    /// Gives interface `name` the address `own` and a route to `other`, and to everybody else through `other` where
    /// `isDefault`.
    mutating func connect(_ name: String, own: IPv4, to other: IPv4, isDefault: Bool) throws(SystemCallError) {
        let index = try socket.index(ofInterface: name)
        var address = message(
            RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
            [UInt8(AF_INET), 32, 0, UInt8(RT_SCOPE_UNIVERSE.rawValue)] + index.nativeBytes)
        address.put(Int(IFA_LOCAL), own.bytes)
        address.put(Int(IFA_ADDRESS), own.bytes)
        var requests = [address.finished()]
        var near = route(length: 32, scope: RT_SCOPE_LINK, out: index)
        near.put(RTA_DST, other.bytes)
        near.put(RTA_PREFSRC, own.bytes)
        requests.append(near.finished())
        if isDefault {
            var far = route(length: 0, scope: RT_SCOPE_UNIVERSE, out: index)
            far.put(RTA_GATEWAY, other.bytes)
            requests.append(far.finished())
        }
        try socket.send(requests, "addresses and routes of \(name)")
    }

    // MARK: Lists

    struct Interface {
        let index: UInt32
        let name: String
        let alias: String
        let mtu: UInt32
    }

    mutating func interfaces() throws(SystemCallError) -> [Interface] {
        let request = link(RTM_GETLINK, NLM_F_DUMP).finished()
        return try socket.list(request, "list interfaces").map { answer in
            let attributes = answer.attributes(after: MemoryLayout<ifinfomsg>.size)
            return Interface(
                index: answer.body.dropFirst(4).native(UInt32.self), name: attributes[Int(IFLA_IFNAME)]?.text ?? "",
                alias: attributes[Int(IFLA_IFALIAS)]?.text ?? "",
                mtu: attributes[Int(IFLA_MTU)]?.native(UInt32.self) ?? 1500)
        }
    }

    struct Route {
        let destination: IPv4Network
        /// The number of the interface it leads out of; 0 where it has none.
        let interface: UInt32
        let isLocal: Bool
    }

    /// The IPv4 routes of all tables.
    mutating func routes() throws(SystemCallError) -> [Route] {
        let header = [UInt8(AF_INET)] + [UInt8](repeating: 0, count: MemoryLayout<rtmsg>.size - 1)
        let request = message(RTM_GETROUTE, NLM_F_DUMP, header).finished()
        return try socket.list(request, "list routes").map { answer in
            let attributes = answer.attributes(after: MemoryLayout<rtmsg>.size)
            let start = answer.body.startIndex
            let address = attributes[Int(RTA_DST.rawValue)].map { IPv4(networkOrder: $0) }
            return Route(
                destination: IPv4Network(address ?? IPv4(0), length: Int(answer.body[start + 1])),
                interface: attributes[Int(RTA_OIF.rawValue)]?.native(UInt32.self) ?? 0,
                isLocal: answer.body[start + 7] != UInt8(RTN_UNICAST))
        }
    }

    /// Whether the machine as a whole forwards what is not for it.
    mutating func forwardsEverything() throws(SystemCallError) -> Bool {
        var request = message(RTM_GETNETCONF, 0, [UInt8(AF_INET), 0, 0, 0])
        request.put(NETCONFA_IFINDEX, UInt32(bitPattern: Int32(NETCONFA_IFINDEX_ALL)))
        let answer = try socket.ask(request.finished(), "ask for forwarding")
        return answer.attributes(after: 4)[NETCONFA_FORWARDING]?.native(UInt32.self) ?? 0 != 0
    }

    /// What went through an interface, from its own view.
    mutating func statistics(of name: String) throws(SystemCallError) -> NetworkStatistics {
        var request = link(RTM_GETLINK, 0)
        request.put(IFLA_IFNAME, name)
        let answer = try socket.ask(request.finished(), "statistics of \(name)")
        let counters = answer.attributes(after: MemoryLayout<ifinfomsg>.size)[IFLA_STATS64] ?? []
        let numbers = (0..<4).map { counters.dropFirst($0 * 8).native(Int64.self) }
        var statistics = NetworkStatistics()
        (statistics.receivedPackets, statistics.sentPackets) = (numbers[0], numbers[1])
        (statistics.receivedBytes, statistics.sentBytes) = (numbers[2], numbers[3])
        return statistics
    }

    // MARK: Writing

    private static let hasIPv6 = access("/proc/sys/net/ipv6", F_OK) == 0

    private static func putForwarding(_ isOn: Bool, in message: inout NetlinkMessage) {
        message.nest(Int(AF_INET)) { message in
            message.nest(Int(IFLA_INET_CONF)) { message in
                message.put(Int(ROCK_IPV4_DEVCONF_FORWARDING), UInt32(isOn ? 1 : 0))
            }
        }
    }

    private mutating func message(_ type: Int, _ flags: Int32, _ fixed: [UInt8]) -> NetlinkMessage {
        NetlinkMessage(type, flags: flags | NLM_F_ACK, sequence: socket.nextSequence(), fixed: fixed)
    }

    /// The beginning of a message about an interface that is named by an attribute.
    private mutating func link(_ type: Int, _ flags: Int32, flags bits: UInt32 = 0) -> NetlinkMessage {
        // Family, type and number are left open; the flags, and which of them to change, are one and the same.
        message(type, flags, [UInt8](repeating: 0, count: 8) + bits.nativeBytes + bits.nativeBytes)
    }

    private mutating func route(length: UInt8, scope: rt_scope_t, out index: UInt32) -> NetlinkMessage {
        var route = message(
            RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
            [
                UInt8(AF_INET), length, 0, 0, UInt8(RT_TABLE_MAIN.rawValue), UInt8(RTPROT_STATIC),
                UInt8(scope.rawValue), UInt8(RTN_UNICAST), 0, 0, 0, 0,
            ])
        route.put(Int(RTA_OIF.rawValue), index)
        return route
    }
}
