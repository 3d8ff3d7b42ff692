/// The keys that let go of a terminal, found in what is typed.
struct DetachKeys: Sendable {
    let keys: [UInt8]
    /// How many of ``keys`` were typed last.
    private var matched = 0

    /// - Parameter keys: At least one; empty never detaches.
    init(_ keys: [UInt8]) { self.keys = keys }

    static let kind = ValueKind<DetachKeys>(name: "KEYS") { text throws(ValueError) in
        if text == "none" { return DetachKeys([]) }
        var keys: [UInt8] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bytes = Array(word.utf8)
            if word.lowercased().hasPrefix("ctrl-"), bytes.count == 6, case let key = bytes[5] & 0xDF,
                0x40...0x5F ~= key
            {
                keys.append(key & 0x1F)
            } else if bytes.count == 1, let byte = bytes.first, 0x21...0x7E ~= byte {
                keys.append(byte)
            } else {
                throw ValueError(complaint: "not keys such as ctrl-p,ctrl-q, or none")
            }
        }
        return DetachKeys(keys)
    } show: { keys in
        keys.keys.isEmpty
            ? "none"
            : keys.keys.map { key in
                key < 0x20
                    ? "ctrl-" + String(Unicode.Scalar(key | 0x60)) : String(Unicode.Scalar(key))
            }.joined(separator: ",")
    }

    /// Takes what was typed.
    ///
    /// - Returns: What is to be passed on, and whether the keys were all typed. The beginning of the keys is held back until it
    ///   is known to be something else.
    mutating func pass(_ typed: [UInt8]) -> (bytes: [UInt8], isDetached: Bool) {
        guard !keys.isEmpty else { return (typed, false) }
        var bytes: [UInt8] = []
        for byte in typed {
            while byte != keys[matched], matched > 0 {
                // The longest beginning of the keys that what was held back still ends with.
                let held = keys[..<matched]
                var shorter = matched - 1
                while shorter > 0, !held.suffix(shorter).elementsEqual(keys[..<shorter]) { shorter -= 1 }
                bytes += held.prefix(matched - shorter)
                matched = shorter
            }
            if byte == keys[matched] {
                matched += 1
                if matched == keys.count { return (bytes, true) }
            } else {
                bytes.append(byte)
            }
        }
        return (bytes, false)
    }
}
