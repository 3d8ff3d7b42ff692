/// The name of an environment: `namespace:Name-vN`, with an optional `-variant` behind.
public struct EnvironmentID: Hashable, Sendable, CustomStringConvertible {
    /// The family of environments, such as `game`.
    public let namespace: String
    /// The name within the family, such as `Sokoban`.
    public let name: String
    /// The number behind `-v`; a change of rules raises it.
    public let version: Int
    /// What follows the version, such as `easy`; may itself hold hyphens (`extreme-hard`).
    public let variant: String?

    public init(namespace: String, name: String, version: Int, variant: String? = nil) {
        self.namespace = namespace
        self.name = name
        self.version = version
        self.variant = variant
    }

    /// Reads `text`; `nil` unless it has the form of an id, in ASCII, and is at most 128 bytes long.
    public init?(_ text: String) {
        guard text.utf8.count <= 128, let colon = text.firstIndex(of: ":") else { return nil }
        let isWord = { (part: Substring) in
            !part.isEmpty
                && part.utf8.allSatisfy { ("0"..."9") ~= Character(UnicodeScalar($0)) || isLetter($0) || $0 == 0x5F }
        }
        let pieces = text[text.index(after: colon)...].split(separator: "-", omittingEmptySubsequences: false)
        guard pieces.count >= 2, isWord(text[..<colon]), pieces.allSatisfy(isWord), pieces[1].first == "v",
            let version = Int(pieces[1].dropFirst()), version >= 0, String(version) == pieces[1].dropFirst()
        else { return nil }
        self.init(
            namespace: String(text[..<colon]), name: String(pieces[0]), version: version,
            variant: pieces.count > 2 ? pieces[2...].joined(separator: "-") : nil)
    }

    public var description: String { "\(namespace):\(name)-v\(version)" + (variant.map { "-" + $0 } ?? "") }
}

private func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A) ~= byte || (0x61...0x7A) ~= byte }
