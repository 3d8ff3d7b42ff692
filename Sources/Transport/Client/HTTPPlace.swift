/// The parts of an `http` URL that names a server.
package struct HTTPPlace: Sendable {
    /// Without brackets around figures.
    package let host: String
    package let port: UInt16
    /// What the `Host` header says.
    package let authority: String
    /// Without a slash at its end; empty for the root.
    package let path: String

    /// Why there is no such place.
    package enum Fault: Error, Equatable {
        /// It is not written as `http://host:port/path`.
        case malformed
        /// It asks for TLS, which is not spoken.
        case secure
        /// Nobody knows an address of the host.
        case unknownHost
    }

    /// - Throws: ``Fault``.
    package init(_ url: String) throws(Fault) {
        if url.lowercased().hasPrefix("https://") { throw .secure }
        guard url.lowercased().hasPrefix("http://"), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .malformed
        }
        let rest = url.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" }
        var path = rest.dropFirst(authority.count)
        while path.last == "/" { path = path.dropLast() }
        guard !authority.contains("@"), !path.contains("?"), !path.contains("#") else { throw .malformed }
        self.authority = String(authority)
        self.path = String(path)

        let hostEnd =
            authority.lastIndex(of: "]").map(authority.index(after:))
            ?? authority.firstIndex(of: ":") ?? authority.endIndex
        host = String(authority[..<hostEnd])
        let port = authority[hostEnd...]
        guard !host.isEmpty, port.isEmpty || port.first == ":" else { throw .malformed }
        guard let number = port.isEmpty ? 80 : UInt16(port.dropFirst()), number > 0 else { throw .malformed }
        self.port = number
    }
}
