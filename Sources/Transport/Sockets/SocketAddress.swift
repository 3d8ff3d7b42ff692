import CLinux
import Glibc

/// Where a stream socket listens or connects to.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 address, most significant byte first, and a port.
    case ipv4(UInt32, port: UInt16)
    /// An IPv6 address in two halves, most significant first, its scope (an interface's number, or 0) and a port.
    case ipv6(UInt64, UInt64, scope: UInt32, port: UInt16)
    /// A Unix-domain socket's file; at most 107 bytes fit.
    case unix(path: String)

    /// Any free port of `127.0.0.1`.
    package static let anyLoopbackPort = SocketAddress.ipv4(0x7F00_0001, port: 0)

    /// Fails unless `host` is an IPv4 or IPv6 address in figures (the latter with or without brackets), or `localhost`,
    /// which is taken to be `127.0.0.1`. No name service is asked: that would block.
    package init?(host: String, port: UInt16) {
        var four = in_addr()
        var six = in6_addr()
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        if inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host, &four) == 1 {
            self = .ipv4(UInt32(bigEndian: four.s_addr), port: port)
        } else if inet_pton(AF_INET6, bare, &six) == 1 {
            self.init(six, scope: 0, port: port)
        } else {
            return nil
        }
    }

    private init(_ address: in6_addr, scope: UInt32, port: UInt16) {
        let halves = withUnsafeBytes(of: address) { bytes in
            (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        self = .ipv6(UInt64(bigEndian: halves.0), UInt64(bigEndian: halves.1), scope: scope, port: port)
    }

    /// The port; `nil` for a Unix socket.
    package var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, _, _, let port): port
        case .unix: nil
        }
    }

    /// `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/rock.sock`.
    package var description: String {
        switch self {
        case .ipv4(let address, let port):
            let bytes = stride(from: 24, through: 0, by: -8).map { String(address >> UInt32($0) & 0xFF) }
            return bytes.joined(separator: ".") + ":\(port)"
        case .ipv6(let high, let low, _, let port):
            var address = in6_addr()
            withUnsafeMutableBytes(of: &address) { bytes in
                bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            _ = inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
            return "[\(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))]:\(port)"
        case .unix(let path):
            return "unix:\(path)"
        }
    }
}

// MARK: The kernel's form

extension SocketAddress {
    var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Lends the address to a system call.
    ///
    /// - Throws: ``SystemCallError`` with `ENAMETOOLONG` when a path is too long or empty; what `body` throws.
    func withKernelForm<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result) throws -> Result {
        var storage = sockaddr_storage()
        let length: Int
        switch self {
        case .ipv4(let address, let port):
            let form = sockaddr_in(
                sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian,
                sin_addr: in_addr(s_addr: address.bigEndian), sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
            length = Self.store(form, in: &storage)
        case .ipv6(let high, let low, let scope, let port):
            var form = sockaddr_in6()
            form.sin6_family = sa_family_t(AF_INET6)
            form.sin6_port = port.bigEndian
            form.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &form.sin6_addr) { bytes in
                bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            length = Self.store(form, in: &storage)
        case .unix(let path):
            var form = sockaddr_un()
            form.sun_family = sa_family_t(AF_UNIX)
            // One byte is for the closing zero.
            guard 1..<MemoryLayout.size(ofValue: form.sun_path) ~= path.utf8.count else {
                throw SystemCallError("socket address", path, errno: ENAMETOOLONG)
            }
            withUnsafeMutableBytes(of: &form.sun_path) { $0.copyBytes(from: path.utf8) }
            length = Self.store(form, in: &storage)
        }
        return try withUnsafePointer(to: storage) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, socklen_t(length)) }
        }
    }

    private static func store<Form>(_ form: Form, in storage: inout sockaddr_storage) -> Int {
        withUnsafeBytes(of: form) { form in withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: form) } }
        return MemoryLayout<Form>.size
    }

    /// Reads what the kernel filled in. An unnamed Unix peer has an empty path.
    init?(_ storage: sockaddr_storage) {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let form = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self) }
            self = .ipv4(UInt32(bigEndian: form.sin_addr.s_addr), port: UInt16(bigEndian: form.sin_port))
        case AF_INET6:
            let form = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in6.self) }
            self.init(form.sin6_addr, scope: form.sin6_scope_id, port: UInt16(bigEndian: form.sin6_port))
        case AF_UNIX:
            let path = withUnsafeBytes(of: storage) { $0.dropFirst(2).prefix { $0 != 0 }.map { $0 } }
            self = .unix(path: String(decoding: path, as: UTF8.self))
        default:
            return nil
        }
    }
}
