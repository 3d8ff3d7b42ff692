import Episodes
import Glibc

/// A file of lines, read one by one and again from any of them.
final class EpisodeFile {
    /// One line and where it is.
    struct Line {
        /// Counted from 1.
        let number: Int
        /// Of its first byte in the file.
        let offset: Int
        let bytes: [UInt8]
    }

    let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    /// Where in the file `buffer` begins, and how much of it has been read.
    private var (base, taken) = (0, 0)
    private var number = 0

    /// - Throws: ``CommandError`` where it cannot be opened.
    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let code: ExitCode = errno == ENOENT ? .notFound : .failure
            throw CommandError(code, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Begins anew with the first line.
    func rewind() { (buffer, base, taken, number) = ([], 0, 0, 0) }

    /// The next line that is not empty; `nil` at the end.
    ///
    /// - Throws: ``CommandError`` where it cannot be read, or is longer than any episode.
    func next() throws -> Line? {
        var searched = taken
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                let line = Line(number: number + 1, offset: base + taken, bytes: Array(buffer[taken..<end]))
                taken = end + 1
                number += 1
                if line.bytes.isEmpty {
                    searched = taken
                    continue
                }
                return line
            }
            guard buffer.count - taken <= EpisodeLine.byteLimit else {
                throw CommandError(.failure, "\(path):\(number + 1): is longer than \(EpisodeLine.byteLimit) bytes")
            }
            searched = buffer.count - taken
            buffer.removeFirst(taken)
            base += taken
            taken = 0
            guard try fill() else {
                guard !buffer.isEmpty else { return nil }
                defer { taken = buffer.count }
                number += 1
                return Line(number: number, offset: base, bytes: buffer)
            }
        }
    }

    /// The line that was found at `offset`.
    ///
    /// - Throws: ``CommandError`` where the file has changed or cannot be read.
    func line(at offset: Int) throws -> [UInt8] {
        (buffer, base, taken) = ([], offset, 0)
        guard let line = try next() else { throw CommandError(.failure, "\(path) changed while it was read") }
        return line.bytes
    }

    /// Adds what comes behind the buffer; false at the end.
    private func fill() throws -> Bool {
        var piece = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = pread(descriptor, &piece, piece.count, base + buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandError(.failure, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
            buffer += piece.prefix(count)
            return count > 0
        }
    }
}
