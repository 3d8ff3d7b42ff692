import Glibc

/// Small files of `/proc` and `/etc`, which are read without waiting.
enum ProcFile {
    /// What `path` holds, as far as `limit`; `nil` where it cannot be read.
    static func read(_ path: String, upTo limit: Int = 64 * 1024) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let room = min(limit - bytes.count, max(4096, bytes.count))
            let piece = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                count = max(0, Glibc.read(descriptor, buffer.baseAddress, room))
            }
            if piece.isEmpty { break }
            bytes += piece
        }
        return bytes
    }

    /// The lines of `path`; none where it cannot be read.
    static func lines(_ path: String, upTo limit: Int = 1 << 20) -> [Substring] {
        guard let bytes = read(path, upTo: limit) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    /// The user that `path` belongs to; `nil` where it is not there.
    static func owner(of path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_uid : nil
    }

    /// The names in the folder `path`, unsorted.
    static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
