package import GEM
import Glibc
import Images

extension StoredImages: ImageUpkeep {
    package var driver: String { JailDriver.driverName }

    package func holdings() async throws(Failure) -> ImageHoldings {
        try await blocking { [store] () throws(Failure) in
            var holdings = ImageHoldings()
            holdings.images = try store.images().count
            holdings.bytes = try store.totalBytes()
            holdings.diskBytes = DiskSize.bytes(at: store.folder)
            return holdings
        }
    }

    package func evict(
        downTo bytes: Int64, keeping isKept: @escaping @Sendable ([String]) -> Bool, uses: [String: Int64]
    ) async throws(Failure) -> Evicted {
        try await blocking { [store] () throws(Failure) in
            // Pruning also removes what no name leads to, which nobody asked for while there is room.
            guard try store.totalBytes() > bytes else { return Evicted() }
            var rule = PruneRule()
            rule.keepBytes = bytes
            rule.keepNames = try store.images().filter { isKept($0.names) }.flatMap(\.names)
            return Evicted(try store.prune(rule))
        }
    }

    package func evictBuildCache(downTo bytes: Int64) async throws(Failure) -> Evicted? {
        // What a build keeps are layers of no image: they go all at once.
        try await blocking { [store] () throws(Failure) in Evicted(try store.prune()) }
    }
}

extension Evicted {
    fileprivate init(_ removed: RemovedImages) {
        self.init()
        names = removed.names.isEmpty ? removed.images : removed.names
        bytes = removed.bytes
    }
}

/// How large a disk is.
enum DiskSize {
    /// The size in bytes of the file system that `path` is on; 0 where that cannot be found out.
    static func bytes(at path: String) -> Int64 {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return 0 }
        return Int64(clamping: facts.f_blocks) * Int64(clamping: facts.f_frsize)
    }
}
