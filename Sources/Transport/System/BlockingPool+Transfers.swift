extension BlockingPool {
    /// For reading and writing file contents: a slow disk must not keep short calls waiting.
    package static let transfers = BlockingPool(threads: 4)
}
