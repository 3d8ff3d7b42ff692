import Foundation
import Glibc
import Images
import Testing

/// A small ext4 file system on a loop device, mounted for as long as it is wanted.
final class SmallDisk: Sendable {
    let path: String
    private let file: String

    init(mebibytes: Int) throws {
        path = "/tmp/rock-disk-\(UUID().uuidString)"
        file = path + ".img"
        try #require(mkdir(path, 0o700) == 0)
        try Self.run("truncate", "-s", "\(mebibytes)M", file)
        try Self.run("mkfs.ext4", "-q", "-m", "0", file)
        try Self.run("mount", "-o", "loop", file, path)
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        rmdir(path)
        unlink(file)
    }

    var isMounted: Bool {
        var (inside, outside) = (stat(), stat())
        return stat(path, &inside) == 0 && stat("/tmp", &outside) == 0 && inside.st_dev != outside.st_dev
    }

    /// Makes an image of one file of random bytes, called `name:latest`.
    func importImage(_ name: String, mebibytes: Int, into store: ImageStore) throws {
        let folder = "/tmp/rock-tree-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/tree", withIntermediateDirectories: true)
        try Self.run("dd", "if=/dev/urandom", "of=\(folder)/tree/data", "bs=1M", "count=\(mebibytes)", "status=none")
        try Self.run("tar", "-C", folder + "/tree", "-cf", folder + "/tree.tar", ".")
        _ = try store.importRootFilesystem(folder + "/tree.tar", name: name)
    }

    /// Makes an image look as if nobody had used it for so long.
    func setLastUse(_ name: String, secondsAgo: Int, in store: ImageStore) throws {
        let image = try #require(try store.resolve(name))
        let time = timespec(tv_sec: Glibc.time(nil) - secondsAgo, tv_nsec: 0)
        let file = "\(store.folder)/images/\(image.digest.dropFirst("sha256:".count))"
        try #require(utimensat(AT_FDCWD, file, [time, time], 0) == 0)
    }

    private static func run(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(words)")
    }
}
