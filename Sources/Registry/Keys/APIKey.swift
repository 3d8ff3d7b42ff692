/// What a caller may do with a key.
package enum APIScope: String, CaseIterable, Sendable {
    /// Everything, keys included.
    case admin
    /// Sandboxes: all of them, or those of some namespaces.
    case user
    /// Looking only.
    case read
}

/// A key as the registry knows it: everything but the secret.
///
/// A token is `rock_<id>_<secret>`. The secret is 32 random bytes, so its plain SHA-256 is kept: nobody can go through 2^256
/// secrets, and the slow, salted hashes that passwords need would only cost every request.
package struct APIKey: Equatable, Sendable {
    /// Eight hexadecimal digits; no secret.
    package let id: String
    package let name: String
    package let scope: APIScope
    /// The namespaces it sees, sorted; empty is all of them.
    package let namespaces: [String]
    package let createTime: Timestamp
    /// To the minute.
    package internal(set) var lastUsedTime: Timestamp?
    package internal(set) var revokeTime: Timestamp?
    /// SHA-256 of the secret's text.
    let hash: [UInt8]

    package static let nameLimit = 128
    package static let namespaceLimit = 64

    /// Makes a key and its token, which is nowhere else.
    static func make(
        name: String, scope: APIScope, namespaces: [String], at time: Timestamp
    ) throws(RegistryError) -> (key: APIKey, token: String) {
        guard 1...nameLimit ~= name.utf8.count else {
            throw RegistryError(.invalidArgument, "the name of an API key has 1 to \(nameLimit) bytes")
        }
        guard namespaces.count <= namespaceLimit,
            namespaces.allSatisfy({ 1...SandboxRequest.textLimit ~= $0.utf8.count && !$0.contains("\n") })
        else {
            throw RegistryError(
                .invalidArgument,
                "an API key has at most \(namespaceLimit) namespaces of 1 to \(SandboxRequest.textLimit) bytes on one line"
            )
        }
        let id = randomHex(bytes: 4)
        let secret = randomHex(bytes: 32)
        let key = APIKey(
            id: id, name: name, scope: scope, namespaces: Set(namespaces).sorted(), createTime: time,
            hash: SHA256.digest(secret.utf8))
        return (key, "rock_\(id)_\(secret)")
    }

    private static func randomHex(bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: bytes * 2) { buffer in
            for place in 0..<bytes * 2 { buffer[place] = digits[Int(generator.next() as UInt8) & 15] }
            return bytes * 2
        }
    }

    /// The id and the secret of `token`; `nil` where it is none of ours.
    static func parts(of token: String) -> (id: String, secret: Substring.UTF8View)? {
        let bytes = token.utf8
        guard bytes.count == 5 + 8 + 1 + 64, token.hasPrefix("rock_") else { return nil }
        let start = bytes.index(bytes.startIndex, offsetBy: 5)
        let end = bytes.index(start, offsetBy: 8)
        guard bytes[end] == UInt8(ascii: "_"), let id = String(bytes[start..<end]) else { return nil }
        return (id, bytes[bytes.index(after: end)...])
    }
}

/// Whether two texts of bytes are equal, in a time that does not tell where they differ.
@inline(never)
func isEqualInConstantTime(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard one.count == other.count else { return false }
    var difference: UInt8 = 0
    for place in one.indices { difference |= one[place] ^ other[place] }
    return difference == 0
}
