import CLinux
import Glibc
import Transport

extension FileTree {
    /// The longest file that is read into memory, in bytes.
    static let readLimit = 64 << 20

    /// Reads a whole file.
    ///
    /// - Throws: ``RockletException``: as opening it; `OSError` (27) for one longer than `limit`.
    func read(_ path: String, upTo limit: Int = FileTree.readLimit) throws(RockletException) -> [UInt8] {
        let (file, status) = try openForReading(path)
        guard status.st_size <= limit else { throw RockletException(errno: EFBIG, path) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size) + 1)
        var count = 0
        while true {
            // The kernel says 0 for the size of what it makes up on the spot, such as all of /proc.
            if count == bytes.count { bytes += [UInt8](repeating: 0, count: max(64 * 1024, bytes.count)) }
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(file.rawValue, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw RockletException(errno: errno, path) }
            if got == 0 { break }
            count += got
            guard count <= limit else { throw RockletException(errno: EFBIG, path) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Makes or replaces a file, all at once.
    func write(
        _ bytes: [UInt8], to path: String, access: Replacement.Access = Replacement.Access()
    ) throws(RockletException) {
        let replacement = try Replacement(path, in: self, access: access)
        let result = rock_write_all(replacement.file.rawValue, bytes, bytes.count)
        guard result == 0 else { throw RockletException(errno: -result, path) }
        try replacement.commit()
    }
}
