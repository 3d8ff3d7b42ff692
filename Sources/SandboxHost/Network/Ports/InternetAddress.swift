import Glibc
import Transport

/// IPv4 addresses with ports, as the kernel's socket calls have them.
enum InternetAddress {
    static func withForm<Result>(
        _ address: IPv4, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var form = sockaddr_in()
        form.sin_family = sa_family_t(AF_INET)
        form.sin_port = port.bigEndian
        form.sin_addr.s_addr = address.rawValue.bigEndian
        return withUnsafePointer(to: form) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    static func bind(_ socket: Int32, _ address: IPv4, _ port: UInt16) throws(SystemCallError) {
        guard withForm(address, port, { Glibc.bind(socket, $0, $1) }) == 0 else {
            throw SystemCallError("bind", "\(address):\(port)", errno: errno)
        }
    }

    /// Begins to connect; the socket is writable when it has.
    static func connect(_ socket: Int32, _ address: IPv4, _ port: UInt16) throws(SystemCallError) {
        guard withForm(address, port, { Glibc.connect(socket, $0, $1) }) == 0 || errno == EINPROGRESS else {
            throw SystemCallError("connect", "\(address):\(port)", errno: errno)
        }
    }

    /// The port that a socket is bound to.
    static func boundPort(_ socket: Int32) -> UInt16 {
        endpoint { getsockname(socket, $0, $1) }?.1 ?? 0
    }

    /// Reads an address that the kernel fills in; `nil` where it fails or is not of IPv4.
    static func endpoint(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> (IPv4, UInt16)? {
        var form = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &form) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
        guard result >= 0, form.sin_family == sa_family_t(AF_INET) else { return nil }
        return (IPv4(UInt32(bigEndian: form.sin_addr.s_addr)), UInt16(bigEndian: form.sin_port))
    }
}
