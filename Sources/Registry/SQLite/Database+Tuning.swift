extension Database {
    /// How the registry's file is written.
    func tune() throws(RegistryError) {
        let mode = try texts("PRAGMA journal_mode = WAL")
        guard mode == ["wal"] else {
            throw RegistryError(.ioFailed, "\(path): no write-ahead log on this file system; use a local disk")
        }
        // A commit returns when the log is flushed. NORMAL would flush at checkpoints only and lose the last
        // commits in a power cut; EXTRA adds nothing to a write-ahead log.
        try execute("PRAGMA synchronous = FULL")
        try execute("PRAGMA temp_store = MEMORY")
        // 8 MB; what is not in it the kernel has in memory.
        try execute("PRAGMA cache_size = -8192")
        // Larger steps than the default 1,000 pages: each checkpoint flushes twice.
        try execute("PRAGMA wal_autocheckpoint = 4000")
        try execute("PRAGMA journal_size_limit = 67108864")
    }
}
