import CLinux

/// Takes a secret out of bytes that come in pieces, also where it is cut by the end of a piece.
///
/// As many asterisks take its place as it had bytes, so that announced lengths stay right.
struct Scrubber: Sendable {
    private let secret: [UInt8]
    private var held: [UInt8] = []

    /// - Parameter secret: What must not get through; nothing is taken out where it is shorter than four bytes.
    init(_ secret: [UInt8]) { self.secret = secret.count < 4 ? [] : secret }

    /// The bytes that can go out now. The start of what may turn out to be the secret is held back.
    mutating func scrub(_ bytes: [UInt8]) -> [UInt8] {
        if secret.isEmpty { return bytes }
        var text = held.isEmpty ? bytes : held + bytes
        var start = 0
        while start < text.count {
            let found = text.withUnsafeBytes { room in
                rock_find(room.baseAddress.map { $0 + start }, room.count - start, secret, secret.count)
            }
            guard found >= 0 else { break }
            for place in start + found..<start + found + secret.count { text[place] = 0x2A }
            start += found + secret.count
        }
        let kept = beginning(at: text)
        held = Array(text[(text.count - kept)...])
        text.removeLast(kept)
        return text
    }

    /// What was held back.
    mutating func finish() -> [UInt8] {
        defer { held = [] }
        return held
    }

    /// How many bytes at the end of `text` are the beginning of the secret.
    private func beginning(at text: [UInt8]) -> Int {
        var length = min(secret.count - 1, text.count)
        while length > 0 {
            if text.suffix(length).elementsEqual(secret.prefix(length)) { return length }
            length -= 1
        }
        return 0
    }
}
