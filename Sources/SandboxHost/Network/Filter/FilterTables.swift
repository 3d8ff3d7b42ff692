import CLinux
import Glibc
import Transport

/// What is said about packet filters as a whole.
enum FilterTables {
    /// One chain of any table.
    struct Chain {
        let table: String
        let name: String
        let hook: UInt32?
        let drops: Bool
    }

    /// Every chain there is.
    static func chains(in namespace: Int32?) throws(SystemCallError) -> [Chain] {
        var socket = try NetlinkSocket(Int(ROCK_NETLINK_NETFILTER), in: namespace)
        let request = NetlinkMessage(
            Int(ROCK_NFNL_SUBSYSTEM_TABLES) << 8 | Int(NFT_MSG_GETCHAIN.rawValue), flags: NLM_F_DUMP,
            sequence: socket.nextSequence(), fixed: FilterTransaction.header(0, resource: 0)
        ).finished()
        return try socket.list(request, "list chains").map { answer in
            let attributes = answer.attributes(after: 4)
            let hook = attributes[Int(NFTA_CHAIN_HOOK.rawValue)].map { NetlinkAnswer.attributes(in: $0) }
            let policy = attributes[Int(NFTA_CHAIN_POLICY.rawValue)]?.native(UInt32.self)
            return Chain(
                table: attributes[Int(NFTA_CHAIN_TABLE.rawValue)]?.text ?? "",
                name: attributes[Int(NFTA_CHAIN_NAME.rawValue)]?.text ?? "",
                hook: hook?[Int(NFTA_HOOK_HOOKNUM.rawValue)].map { UInt32(bigEndian: $0.native(UInt32.self)) },
                drops: policy.map { UInt32(bigEndian: $0) == UInt32(ROCK_NF_DROP) } ?? false)
        }
    }

    /// Removes a table and everything in it. That there is none is no failure.
    static func remove(_ table: String, in namespace: Int32?) throws(SystemCallError) {
        var socket = try NetlinkSocket(Int(ROCK_NETLINK_NETFILTER), in: namespace)
        let numbers = (0..<3).map { _ in socket.nextSequence() }
        let ends = [(numbers[0], ROCK_NFNL_BATCH_BEGIN), (numbers[2], ROCK_NFNL_BATCH_END)].map { number, type in
            NetlinkMessage(
                Int(type), flags: 0, sequence: number,
                fixed: FilterTransaction.header(0, resource: UInt16(ROCK_NFNL_SUBSYSTEM_TABLES))
            ).finished()
        }
        var message = NetlinkMessage(
            Int(ROCK_NFNL_SUBSYSTEM_TABLES) << 8 | Int(NFT_MSG_DELTABLE.rawValue), flags: NLM_F_ACK,
            sequence: numbers[1], fixed: FilterTransaction.header(Int(ROCK_NFPROTO_INET), resource: 0))
        message.put(NFTA_TABLE_NAME, table)
        do {
            try socket.sendTransaction(
                ends[0] + message.finished() + ends[1], first: numbers[0], last: numbers[1], "remove table \(table)")
        } catch  where error.errno == ENOENT {}
    }
}
