import CLinux
import Glibc
import Transport

/// Changes of one table of the kernel's packet filter that are made all at once or not at all.
struct FilterTransaction: ~Copyable {
    private let table: String
    private var socket: NetlinkSocket
    private let first: UInt32
    private var bytes: [UInt8]

    /// - Parameters:
    ///   - table: The table that every change is about.
    ///   - namespace: A descriptor of the network namespace; `nil` for this process's own.
    /// - Throws: ``SystemCallError``: `EPERM` where it may not be entered.
    init(_ table: String, in namespace: Int32?) throws(SystemCallError) {
        self.table = table
        socket = try NetlinkSocket(Int(ROCK_NETLINK_NETFILTER), in: namespace)
        first = socket.nextSequence()
        bytes = Self.boundary(Int(ROCK_NFNL_BATCH_BEGIN), first)
    }

    /// Makes the changes.
    ///
    /// - Throws: ``SystemCallError`` with the first reason not to; then nothing is changed.
    consuming func commit(_ subject: String) throws(SystemCallError) {
        // The last change alone is acknowledged, so one has to come last: making the table sure changes nothing.
        let last = socket.nextSequence()
        append(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK, last) { _ in }
        bytes += Self.boundary(Int(ROCK_NFNL_BATCH_END), socket.nextSequence())
        try socket.sendTransaction(bytes, first: first, last: last, subject)
    }

    // MARK: Changes

    mutating func addTable() { append(NFT_MSG_NEWTABLE, NLM_F_CREATE) { _ in } }

    /// Adds a chain, or keeps the one of that name.
    mutating func addChain(_ name: String) {
        append(NFT_MSG_NEWCHAIN, NLM_F_CREATE) { $0.put(NFTA_CHAIN_NAME, name) }
    }

    /// Adds a chain that packets come to by themselves, or keeps the one of that name.
    ///
    /// - Parameters:
    ///   - name: The chain.
    ///   - hook: Where on a packet's way: `ROCK_HOOK_…`.
    ///   - priority: Its turn among the chains there; lower comes first.
    ///   - type: `filter` or `nat`.
    mutating func addChain(_ name: String, hook: Int, priority: Int32, type: String = "filter") {
        append(NFT_MSG_NEWCHAIN, NLM_F_CREATE) { message in
            message.put(NFTA_CHAIN_NAME, name)
            message.nest(NFTA_CHAIN_HOOK) { message in
                message.put(NFTA_HOOK_HOOKNUM, bigEndian: UInt32(hook))
                message.put(NFTA_HOOK_PRIORITY, bigEndian: UInt32(bitPattern: priority))
            }
            message.put(NFTA_CHAIN_TYPE, type)
            message.put(NFTA_CHAIN_POLICY, bigEndian: UInt32(ROCK_NF_ACCEPT))
        }
    }

    /// Removes a chain, which must be there, and its rules.
    mutating func removeChain(_ name: String) { append(NFT_MSG_DELCHAIN, 0) { $0.put(NFTA_CHAIN_NAME, name) } }

    /// Gives a chain these rules instead of those it has.
    mutating func setRules(_ rules: [PacketRule], of chain: String) {
        append(NFT_MSG_DELRULE, 0) { $0.put(NFTA_RULE_CHAIN, chain) }
        for rule in rules {
            append(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND) { message in
                message.put(NFTA_RULE_CHAIN, chain)
                message.nest(NFTA_RULE_EXPRESSIONS) { rule.put(into: &$0) }
            }
        }
    }

    /// Adds a set, or keeps the one of that name.
    mutating func addSet(_ set: FilterSet) {
        let number = socket.nextSequence()
        append(NFT_MSG_NEWSET, NLM_F_CREATE) { message in
            message.put(NFTA_SET_NAME, set.name)
            message.put(NFTA_SET_ID, bigEndian: number)
            message.put(NFTA_SET_FLAGS, bigEndian: set.flags)
            message.put(NFTA_SET_KEY_TYPE, bigEndian: set.key.displayType)
            message.put(NFTA_SET_KEY_LEN, bigEndian: set.key.length)
            if set.isMap {
                message.put(NFTA_SET_DATA_TYPE, bigEndian: UInt32(NFT_DATA_VERDICT.rawValue))
                message.put(NFTA_SET_DATA_LEN, bigEndian: 0)
            }
        }
    }

    mutating func removeSet(_ name: String) { append(NFT_MSG_DELSET, 0) { $0.put(NFTA_SET_NAME, name) } }

    /// Adds an element, or keeps it.
    ///
    /// - Parameters:
    ///   - key: As long as the set's keys.
    ///   - set: The set's name.
    ///   - verdict: For a map.
    ///   - lifetime: Until it goes by itself; `nil` for a set without.
    mutating func add(
        _ key: [UInt8], to set: String, verdict: PacketRule.Verdict? = nil, lifetime: Duration? = nil
    ) {
        change(NFT_MSG_NEWSETELEM, NLM_F_CREATE, key, set, verdict, lifetime)
    }

    /// Removes an element, which must be there.
    mutating func remove(_ key: [UInt8], from set: String) {
        change(NFT_MSG_DELSETELEM, 0, key, set, nil, nil)
    }

    private mutating func change(
        _ type: nf_tables_msg_types, _ flags: Int32, _ key: [UInt8], _ set: String, _ verdict: PacketRule.Verdict?,
        _ lifetime: Duration?
    ) {
        append(type, flags) { message in
            message.put(NFTA_SET_ELEM_LIST_SET, set)
            message.nest(NFTA_SET_ELEM_LIST_ELEMENTS) { message in
                message.nest(NFTA_LIST_ELEM) { message in
                    message.nest(NFTA_SET_ELEM_KEY) { $0.put(NFTA_DATA_VALUE, key) }
                    if let verdict { message.nest(NFTA_SET_ELEM_DATA) { verdict.put(into: &$0) } }
                    if let lifetime {
                        let milliseconds = UInt64(max(1, lifetime.components.seconds)) * 1000
                        message.put(NFTA_SET_ELEM_TIMEOUT, milliseconds.bigEndian.nativeBytes)
                    }
                }
            }
        }
    }

    // MARK: Writing

    private mutating func append(
        _ type: nf_tables_msg_types, _ flags: Int32, _ sequence: UInt32? = nil,
        _ body: (inout NetlinkMessage) -> Void
    ) {
        var message = NetlinkMessage(
            Int(ROCK_NFNL_SUBSYSTEM_TABLES) << 8 | Int(type.rawValue), flags: flags,
            sequence: sequence ?? socket.nextSequence(), fixed: Self.header(Int(ROCK_NFPROTO_INET), resource: 0))
        // In every kind of message the table's name has the number 1.
        message.put(NFTA_TABLE_NAME, table)
        body(&message)
        bytes += message.finished()
    }

    private static func boundary(_ type: Int, _ sequence: UInt32) -> [UInt8] {
        NetlinkMessage(
            type, flags: 0, sequence: sequence,
            fixed: header(0, resource: UInt16(ROCK_NFNL_SUBSYSTEM_TABLES))
        ).finished()
    }

    /// What follows the header of every message about packet filters: family, version, and a number in network order.
    static func header(_ family: Int, resource: UInt16) -> [UInt8] {
        [UInt8(family), 0] + resource.bigEndian.nativeBytes
    }
}
