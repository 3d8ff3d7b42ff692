import CLinux
import Glibc
import Transport

/// A conversation with the kernel about interfaces and routes, or packet filters, of one network namespace.
///
/// Calls wait for the kernel, mostly some ten microseconds; they are for a thread that may.
struct NetlinkSocket: ~Copyable {
    private let descriptor: OwnedDescriptor
    private var sequence: UInt32 = 0

    /// How long the kernel may take: others may hold the lock on interfaces.
    private static let patienceSeconds: Int32 = 10

    /// - Parameters:
    ///   - protocol: `ROCK_NETLINK_…`.
    ///   - namespace: A descriptor of the namespace; `nil` for this process's own.
    /// - Throws: ``SystemCallError``: `EPERM` where it may not be entered.
    init(_ protocol: Int, in namespace: Int32? = nil) throws(SystemCallError) {
        descriptor = OwnedDescriptor(
            try SystemCallError.check(
                rock_netlink_open(Int32(`protocol`), namespace ?? -1, Self.patienceSeconds), "socket", "netlink"))
    }

    /// A number that no earlier message had.
    mutating func nextSequence() -> UInt32 {
        sequence &+= 1
        return sequence
    }

    /// Sends messages of which each asks for an acknowledgement, and waits for all of them.
    ///
    /// - Throws: ``SystemCallError`` with the first reason the kernel gives for not doing one of them; the others may have
    ///   been done.
    func send(_ messages: [[UInt8]], _ subject: String) throws(SystemCallError) {
        try transmit(Array(messages.joined()), subject)
        var pending = messages.count
        var failure: SystemCallError?
        while pending > 0 {
            for answer in try receive(subject) where answer.type == Int(NLMSG_ERROR) {
                pending -= 1
                let code = answer.body.native(Int32.self)
                if code < 0, failure == nil { failure = SystemCallError("netlink", subject, errno: -code) }
            }
        }
        if let failure { throw failure }
    }

    /// Sends messages that are done all or none, of which only the one numbered `last` asks for an acknowledgement.
    ///
    /// - Throws: ``SystemCallError`` with the first reason not to.
    func sendTransaction(_ bytes: [UInt8], first: UInt32, last: UInt32, _ subject: String) throws(SystemCallError) {
        try transmit(bytes, subject)
        var failure: SystemCallError?
        while true {
            for answer in try receive(subject) where answer.type == Int(NLMSG_ERROR) {
                let code = answer.body.native(Int32.self)
                if code < 0, failure == nil { failure = SystemCallError("netlink", subject, errno: -code) }
                // The first message stands for all where the kernel did not even begin.
                guard answer.sequence == last || answer.sequence == first else { continue }
                if let failure { throw failure }
                return
            }
        }
    }

    /// Sends a request for one thing and returns it.
    func ask(_ message: [UInt8], _ subject: String) throws(SystemCallError) -> NetlinkAnswer {
        try transmit(message, subject)
        guard let answer = try receive(subject).first else { throw SystemCallError("netlink", subject, errno: EIO) }
        guard answer.type != Int(NLMSG_ERROR) else {
            throw SystemCallError("netlink", subject, errno: -answer.body.native(Int32.self))
        }
        return answer
    }

    /// Sends a request for a list and collects it.
    func list(_ message: [UInt8], _ subject: String) throws(SystemCallError) -> [NetlinkAnswer] {
        try transmit(message, subject)
        var answers: [NetlinkAnswer] = []
        while true {
            for answer in try receive(subject) {
                switch answer.type {
                case Int(NLMSG_DONE): return answers
                case Int(NLMSG_ERROR):
                    throw SystemCallError("netlink", subject, errno: -answer.body.native(Int32.self))
                default: answers.append(answer)
                }
            }
        }
    }

    /// The number of an interface.
    func index(ofInterface name: String) throws(SystemCallError) -> UInt32 {
        UInt32(
            try SystemCallError.check(
                rock_interface_index(descriptor.rawValue, name), "ioctl(SIOCGIFINDEX)", name))
    }

    private func transmit(_ bytes: [UInt8], _ subject: String) throws(SystemCallError) {
        let sent = rock_send(descriptor.rawValue, bytes, bytes.count)
        guard sent == bytes.count else {
            throw SystemCallError("send(netlink)", subject, errno: sent < 0 ? Int32(-sent) : EMSGSIZE)
        }
    }

    private func receive(_ subject: String) throws(SystemCallError) -> [NetlinkAnswer] {
        // The kernel makes lists in pieces of at most 32 KiB, whatever the buffer.
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = rock_receive(descriptor.rawValue, &buffer, buffer.count)
        guard count > 0 else {
            throw SystemCallError("recv(netlink)", subject, errno: count < 0 ? Int32(-count) : EPIPE)
        }
        return NetlinkAnswer.all(in: buffer[..<count])
    }
}
