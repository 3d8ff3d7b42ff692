/// An image's name as people write it, such as `python:3.11` or `registry.example:5000/team/tool@sha256:…`.
struct ImageName: Equatable, Sendable {
    /// The registry as written; empty where the name has none.
    let domain: String
    /// Everything between the registry and the tag.
    let path: String
    /// Empty where only a digest names the version.
    let tag: String
    /// `sha256:…`; empty where none is written.
    let digest: String

    /// Fails unless `text` has the form of a reference: at most 1024 bytes; lower-case path segments; a tag of at most 128
    /// letters, digits and `_.-`.
    init?(_ text: String) {
        guard 1...1024 ~= text.utf8.count else { return nil }
        var rest = text[...]
        if let at = rest.lastIndex(of: "@") {
            digest = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
            let parts = digest.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, parts[1].utf8.count >= 32,
                parts[0].utf8.allSatisfy(Self.isTagByte), parts[1].utf8.allSatisfy(Self.isHexDigit)
            else { return nil }
        } else {
            digest = ""
        }
        if let slash = rest.firstIndex(of: "/"), Self.isDomain(rest[..<slash]) {
            domain = String(rest[..<slash])
            rest = rest[rest.index(after: slash)...]
        } else {
            domain = ""
        }
        if let colon = rest.lastIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
            guard 1...128 ~= tag.utf8.count, tag.utf8.allSatisfy(Self.isTagByte), tag.first != ".", tag.first != "-"
            else { return nil }
        } else {
            tag = digest.isEmpty ? "latest" : ""
        }
        path = String(rest)
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        guard segments.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isPathByte) && $0 != "." && $0 != ".." })
        else {
            return nil
        }
        guard domain.isEmpty || Self.isHost(domain) else { return nil }
    }

    /// The name without tag and digest.
    var repository: String { domain.isEmpty ? path : "\(domain)/\(path)" }

    /// The whole name, with the tag that is meant where none is written.
    var reference: String {
        repository + (tag.isEmpty ? "" : ":" + tag) + (digest.isEmpty ? "" : "@" + digest)
    }

    /// Which registry has it, as credentials name registries.
    var registry: String { domain.isEmpty || domain == "docker.io" ? "https://index.docker.io/v1/" : domain }

    /// A first segment is a registry if it could not be a folder of the default one.
    private static func isDomain(_ text: Substring) -> Bool {
        text == "localhost" || text.utf8.contains(0x2E) || text.utf8.contains(0x3A)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool { (0x30...0x39) ~= byte || (0x61...0x66) ~= byte }
    private static func isPathByte(_ byte: UInt8) -> Bool {
        (0x30...0x39) ~= byte || (0x61...0x7A) ~= byte || byte == 0x2D || byte == 0x2E || byte == 0x5F
    }
    private static func isTagByte(_ byte: UInt8) -> Bool { isPathByte(byte) || (0x41...0x5A) ~= byte }
    /// A host's name or address, an IPv6 address in brackets, with or without a port.
    private static func isHost(_ text: String) -> Bool {
        var host = text[...]
        if let colon = host.lastIndex(of: ":"), host.last != "]" {
            let port = host[host.index(after: colon)...]
            guard 1...5 ~= port.utf8.count, port.utf8.allSatisfy({ (0x30...0x39) ~= $0 }) else { return false }
            host = host[..<colon]
        }
        if host.first == "[" {
            return host.last == "]"
                && host.dropFirst().dropLast().utf8.allSatisfy { isHexDigit($0) || $0 == 0x3A || $0 == 0x2E }
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.first != "-" && label.utf8.allSatisfy { isTagByte($0) && $0 != 0x5F }
        }
    }
}
