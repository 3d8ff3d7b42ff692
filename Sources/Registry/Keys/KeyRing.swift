/// The keys in memory, asked at every request.
final class KeyRing: Sendable {
    private let keys: Guarded<[String: APIKey]>
    /// How stale a key's written last use may be.
    static let usePrecisionSeconds: Int64 = 60

    init(_ keys: [APIKey]) {
        self.keys = Guarded(Dictionary(keys.map { ($0.id, $0) }, uniquingKeysWith: { $1 }))
    }

    /// All keys, oldest first.
    var all: [APIKey] {
        keys.withLock { $0.values.sorted { ($0.createTime, $0.id) < ($1.createTime, $1.id) } }
    }

    func key(_ id: String) -> APIKey? { keys.withLock { $0[id] } }

    func set(_ key: APIKey) { keys.withLock { $0[key.id] = key } }

    /// The key that `token` is, unless it was revoked.
    ///
    /// - Returns: The key as it is after this use, and whether that use should be written down.
    func authenticate(_ token: String, at time: Timestamp) -> (key: APIKey, isUseNews: Bool)? {
        guard let (id, secret) = APIKey.parts(of: token) else { return nil }
        let hash = SHA256.digest(secret)
        return keys.withLock { keys -> (key: APIKey, isUseNews: Bool)? in
            guard var key = keys[id] else {
                // The same work for an unknown id as for a wrong secret.
                _ = isEqualInConstantTime(hash, Self.nobody)
                return nil
            }
            guard isEqualInConstantTime(hash, key.hash), key.revokeTime == nil else { return nil }
            let isNews = key.lastUsedTime.map { time > $0.advanced(bySeconds: Self.usePrecisionSeconds) } ?? true
            if isNews {
                key.lastUsedTime = time
                keys[id] = key
            }
            return (key, isNews)
        }
    }

    private static let nobody = [UInt8](repeating: 0, count: 32)
}
