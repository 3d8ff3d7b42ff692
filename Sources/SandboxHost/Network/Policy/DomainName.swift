/// A host's name in the form it is compared in: lower case, without the closing dot.
struct DomainName: Hashable, Sendable, CustomStringConvertible {
    let text: String

    /// Fails unless `text` is 1–253 bytes of labels of 1–63 letters, digits, `-` or `_`, with dots between.
    init?(_ text: some StringProtocol) {
        var name = text.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        let isAllowed = { (byte: UInt8) in
            byte == 0x2D || byte == 0x5F || (0x30...0x39) ~= byte || (0x61...0x7A) ~= byte
        }
        guard 1...253 ~= name.utf8.count else { return nil }
        for label in name.split(separator: ".", omittingEmptySubsequences: false) {
            guard 1...63 ~= label.utf8.count, label.utf8.allSatisfy(isAllowed) else { return nil }
        }
        self.text = name
    }

    /// Whether it is below `parent`, at any depth, and not `parent` itself.
    func isBelow(_ parent: DomainName) -> Bool { text.hasSuffix("." + parent.text) }

    var description: String { text }
}
