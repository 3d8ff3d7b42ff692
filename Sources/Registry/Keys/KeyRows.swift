extension Database {
    /// Adds a key, or writes what may have changed of it.
    func write(_ key: APIKey) throws(RegistryError) {
        let sql = """
            INSERT INTO api_keys (id, name, hash, scope, namespaces, create_time, last_used_time, revoke_time)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
            last_used_time = excluded.last_used_time, revoke_time = excluded.revoke_time
            """
        try statement(sql).run { row in
            row.text(key.id)
            row.text(key.name)
            row.blob(key.hash)
            row.text(key.scope.rawValue)
            row.text(key.namespaces.joined(separator: "\n"))
            row.integer(key.createTime.microseconds)
            row.integer(key.lastUsedTime?.microseconds)
            row.integer(key.revokeTime?.microseconds)
        }
    }

    func readKeys() throws(RegistryError) -> [APIKey] {
        let sql = """
            SELECT id, name, hash, scope, namespaces, create_time, last_used_time, revoke_time FROM api_keys
            """
        var keys: [APIKey] = []
        try statement(sql).query { row throws(RegistryError) in
            let (id, name, hash) = (try row.text(), try row.text(), try row.blob())
            let scope = try row.value("scope") { APIScope(rawValue: $0) }
            let namespaces = try row.text().split(separator: "\n").map(String.init)
            let createTime = Timestamp(microseconds: try row.integer())
            var key = APIKey(
                id: id, name: name, scope: scope, namespaces: namespaces, createTime: createTime, hash: hash)
            key.lastUsedTime = try row.optionalTime()
            key.revokeTime = try row.optionalTime()
            keys.append(key)
        }
        return keys
    }
}
