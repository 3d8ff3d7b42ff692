import CLinux
import GEM
import Glibc
import Transport

/// Reads the lines that a growing file gains, each once. Blocks; for one thread at a time.
///
/// A line counts when its line feed is there. A file that was replaced or cut off is read from its beginning.
struct LineTail: Sendable {
    /// Longer lines are left out.
    static let lineLimit = 64 << 20
    private static let pieceBytes = 1 << 20

    private let path: String
    private var file: OpenFile?
    private var inode: UInt = 0
    /// Up to where the file has been read.
    private(set) var offset: Int
    /// The beginning of a line whose end is still to come.
    private var partial: [UInt8] = []
    private var skipsLine = false

    /// - Parameters:
    ///   - path: The file, which need not be there yet.
    ///   - offset: Where to begin: the start of a line.
    init(_ path: String, from offset: Int = 0) {
        self.path = path
        self.offset = offset
    }

    /// Reads what is new.
    ///
    /// - Parameter take: Gets a line without its line feed; `false` stops there, and the rest is for the next time.
    /// - Throws: ``Failure`` where the file is there and cannot be read.
    mutating func read(_ take: ([UInt8]) -> Bool) throws(Failure) {
        guard let file = try current() else { return }
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        while true {
            let count = pread(file.rawValue, &piece, piece.count, offset)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read") }
            if count == 0 { return }
            var start = 0
            while let end = Self.lineFeed(in: piece, start..<count) {
                let line = partial.isEmpty ? Array(piece[start..<end]) : partial + piece[start..<end]
                partial = []
                let wasTooLong = skipsLine
                skipsLine = false
                start = end + 1
                if !wasTooLong, line.count <= Self.lineLimit, !take(line) {
                    offset += start
                    return
                }
            }
            offset += count
            if skipsLine { continue }
            partial += piece[start..<count]
            if partial.count > Self.lineLimit {
                partial = []
                skipsLine = true
            }
        }
    }

    /// The first line feed in a part of `bytes`.
    private static func lineFeed(in bytes: [UInt8], _ part: Range<Int>) -> Int? {
        let found = bytes.withUnsafeBytes { room in
            rock_find(room.baseAddress.map { $0 + part.lowerBound }, part.count, [0x0A], 1)
        }
        return found < 0 ? nil : part.lowerBound + found
    }

    /// The open file, if it is still the one at the path.
    private mutating func current() throws(Failure) -> OpenFile? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else { throw failure("look at") }
            startOver()
            file = nil
            return nil
        }
        if let file, status.st_ino == inode {
            if status.st_size < offset { startOver() }
            return file
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw failure("open") }
        let opened = OpenFile(OwnedDescriptor(descriptor))
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.infraFailed, "\(path) is no file.")
        }
        // The first file may be entered in its middle; any later one is new.
        if file != nil || status.st_size < offset { startOver() }
        inode = status.st_ino
        file = opened
        return opened
    }

    private mutating func startOver() {
        (offset, partial, skipsLine) = (0, [], false)
    }

    private func failure(_ verb: String) -> Failure {
        Failure(.infraFailed, "Cannot \(verb) \(path): \(String(cString: strerror(errno))).")
    }
}
