import Glibc
package import Transport

// Look-ups of names are apart from the transport, because the rocklet is linked statically, and a C library's resolver cannot be.

extension HTTPPlace {
    /// Where to connect. Blocks where the host is a name, which is looked up.
    ///
    /// - Throws: ``Fault/unknownHost``.
    package func address() throws(Fault) -> SocketAddress {
        if let address = SocketAddress(host: host, port: port) { return address }
        guard let figures = Self.lookUp(host), let address = SocketAddress(host: figures, port: port) else {
            throw .unknownHost
        }
        return address
    }

    /// The first address of `host` in figures.
    private static func lookUp(_ host: String) -> String? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0, let first = list else { return nil }
        defer { freeaddrinfo(list) }
        var text = [CChar](repeating: 0, count: 64)
        guard getnameinfo(first.pointee.ai_addr, first.pointee.ai_addrlen, &text, 64, nil, 0, NI_NUMERICHOST) == 0
        else {
            return nil
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
