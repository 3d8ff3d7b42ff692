import GEM
import Glibc
import Transport

/// Reads a file's lines from the last to the first: a file of gigabytes costs no more than what is looked at. Blocks.
enum LinesFromEnd {
    private static let pieceBytes = 256 << 10

    /// Walks back through the whole lines that the file has now.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - take: Gets a line without its line feed; `false` ends the walk.
    /// - Returns: Where what follows the last whole line begins; 0 where there is no file.
    /// - Throws: ``Failure`` where it cannot be read.
    static func walk(_ path: String, _ take: ([UInt8]) throws(Failure) -> Bool) throws(Failure) -> Int {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        if descriptor < 0, errno == ENOENT || errno == ENOTDIR { return 0 }
        guard descriptor >= 0 else { throw failure(path) }
        let file = OwnedDescriptor(descriptor)
        var place = lseek(file.rawValue, 0, SEEK_END)
        guard place >= 0 else { throw failure(path) }
        // What has been read of the line that ends at `place` or behind, last piece first.
        var pieces: [ArraySlice<UInt8>] = []
        var length = 0
        var end: Int?
        while place > 0 {
            let count = min(place, pieceBytes)
            place -= count
            var piece = [UInt8](repeating: 0, count: count)
            guard pread(file.rawValue, &piece, count, place) == count else { throw failure(path) }
            var rest = piece[...]
            while let feed = rest.lastIndex(of: 0x0A) {
                let after = rest[(feed + 1)...]
                rest = rest[..<feed]
                guard end != nil else {
                    // What stands behind the last line feed is no line yet.
                    end = place + feed + 1
                    (pieces, length) = ([], 0)
                    continue
                }
                if length + after.count <= LineTail.lineLimit {
                    let line = after + pieces.reversed().joined()
                    if !(try take(Array(line))) { return end ?? 0 }
                }
                (pieces, length) = ([], 0)
            }
            length += rest.count
            // A line that is too long is walked over without keeping it.
            if length <= LineTail.lineLimit { pieces.append(rest) } else { pieces = [] }
        }
        if end != nil, length <= LineTail.lineLimit { _ = try take(Array(pieces.reversed().joined())) }
        return end ?? 0
    }

    private static func failure(_ path: String) -> Failure {
        Failure(.infraFailed, "Cannot read \(path): \(String(cString: strerror(errno))).")
    }
}
