package import GEM

/// An image's name, whole: registry, repository, and a tag or a digest.
///
/// What people leave out is Docker's: `python` is `docker.io/library/python:latest`.
package struct ImageReference: Hashable, Sendable, CustomStringConvertible {
    /// Host and perhaps port of the registry, such as `docker.io` or `localhost:5000`.
    package var registry: String
    /// The path in the registry, such as `library/python`.
    package var repository: String
    /// `nil` where only a digest was given.
    package var tag: String?
    /// Pins the manifest.
    package var digest: Digest?

    /// Where names without a registry belong.
    package static let defaultRegistry = "docker.io"

    /// Reads a name by the distribution specification's grammar.
    ///
    /// - Throws: ``Failure`` that names the part that is wrong.
    package init(_ text: String) throws(Failure) {
        let wrong = { (why: String) in
            Failure(.invalidArgument, "'\(text.prefix(200))' is no image name: \(why). Write it like python:3.11.")
        }
        guard !text.isEmpty, text.utf8.count <= 512 else { throw wrong("it has to have 1 to 512 characters") }
        var rest = Substring(text)
        if let sign = rest.lastIndex(of: "@") {
            guard let digest = Digest(rest[rest.index(after: sign)...]) else {
                throw wrong("behind '@' stands sha256: and 64 hexadecimal digits")
            }
            self.digest = digest
            rest = rest[..<sign]
        }
        let nameStart = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[nameStart...].lastIndex(of: ":") {
            let tag = rest[rest.index(after: colon)...]
            let isTag = { (byte: UInt8) in Self.isLetterOrDigit(byte | 0x20) || byte == 0x5F }
            guard 1...128 ~= tag.utf8.count, let first = tag.utf8.first, isTag(first),
                tag.utf8.allSatisfy({ isTag($0) || $0 == 0x2E || $0 == 0x2D })
            else { throw wrong("a tag is up to 128 letters, digits, '_', '.' and '-'") }
            self.tag = String(tag)
            rest = rest[..<colon]
        }
        if tag == nil, digest == nil { tag = "latest" }
        (registry, rest) = Self.split(rest)
        repository = String(rest)
        if registry == Self.defaultRegistry, !repository.contains("/") { repository = "library/" + repository }
        guard repository.utf8.count <= 255,
            repository.split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy({ Self.isComponent($0) })
        else {
            throw wrong("a repository is lower-case letters and digits, divided by '.', '_', '-' and '/'")
        }
        guard Self.isHost(registry) else { throw wrong("its registry is no host name") }
    }

    /// A name is a registry's where it could be no folder: it has a dot or a port, or is `localhost`.
    private static func split(_ text: Substring) -> (String, Substring) {
        guard let slash = text.firstIndex(of: "/") else { return (defaultRegistry, text) }
        let first = text[..<slash]
        guard first == "localhost" || first.contains(".") || first.contains(":") || first.hasPrefix("[") else {
            return (defaultRegistry, text)
        }
        let registry = first == "index.docker.io" || first == "registry-1.docker.io" ? defaultRegistry : String(first)
        return (registry, text[text.index(after: slash)...])
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte || 0x30...0x39 ~= byte }

    /// Letters and digits, and single `.`, `_`, `__` or hyphens between them.
    private static func isComponent(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, isLetterOrDigit(first), isLetterOrDigit(last),
            text.utf8.allSatisfy({ isLetterOrDigit($0) || [0x2E, 0x5F, 0x2D].contains($0) })
        else { return false }
        return !["..", "._", "_.", "___", ".-", "-.", "_-", "-_"].contains { text.contains($0) }
    }

    private static func isHost(_ text: String) -> Bool {
        var host = Substring(text)
        if let close = host.lastIndex(of: "]"), host.hasPrefix("[") {
            let address = host[host.index(after: host.startIndex)..<close]
            let port = host[host.index(after: close)...]
            return !address.isEmpty && address.utf8.allSatisfy { "0123456789abcdefABCDEF:.".utf8.contains($0) }
                && (port.isEmpty || port.hasPrefix(":") && UInt16(port.dropFirst()) != nil)
        }
        if let colon = host.firstIndex(of: ":") {
            guard let port = UInt16(host[host.index(after: colon)...]), port > 0 else { return false }
            host = host[..<colon]
        }
        return 1...253 ~= host.utf8.count && !host.hasPrefix("-") && !host.hasPrefix(".")
            && host.utf8.allSatisfy { isLetterOrDigit($0 | 0x20) || $0 == 0x2E || $0 == 0x2D }
    }

    /// The whole name, which leads to the same image everywhere.
    package var description: String { name + (digest.map { "@\($0)" } ?? "") }

    /// The whole name without a digest.
    package var name: String { "\(registry)/\(repository)" + (tag.map { ":" + $0 } ?? "") }

    /// As people write it: without what goes without saying.
    package var familiar: String {
        guard registry == Self.defaultRegistry else { return description }
        let path = repository.hasPrefix("library/") ? repository.dropFirst(8) : repository[...]
        return path + (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    /// What a manifest is asked for by: the digest, else the tag.
    var selector: String { digest?.description ?? tag ?? "latest" }
}
