import CLinux
import GEM
import Glibc
import Transport

/// A file as it is without its compression, whichever that is: told by its first bytes, undone by the system's programs.
final class Decompression {
    /// Where the plain bytes are read from.
    let output: Int32
    private let pipe: OwnedDescriptor?
    private let program: Program?
    private let subject: String

    /// - Parameters:
    ///   - file: A regular file; read from its beginning, and to outlive this.
    ///   - subject: What it is, for errors.
    /// - Throws: ``Failure`` where it cannot be read, or the program for it is missing.
    init(of file: borrowing OwnedDescriptor, _ subject: String) throws(Failure) {
        self.subject = subject
        var start = [UInt8](repeating: 0, count: 6)
        let count = pread(file.rawValue, &start, start.count, 0)
        guard count >= 0 else { throw Failure("read", subject, errno) }
        guard lseek(file.rawValue, 0, SEEK_SET) == 0 else { throw Failure("lseek", subject, errno) }
        guard let words = Self.program(for: start) else {
            output = file.rawValue
            pipe = nil
            program = nil
            return
        }
        var ends: [Int32] = [-1, -1]
        try Failure.check(rock_pipe(&ends, 0), "pipe", subject)
        let read = OwnedDescriptor(ends[0])
        let write = OwnedDescriptor(ends[1])
        program = try Program(words, input: file.rawValue, output: write.rawValue)
        output = read.rawValue
        pipe = consume read
    }

    private static func program(for start: [UInt8]) -> [String]? {
        if start.starts(with: [0x1F, 0x8B]) { return ["gzip", "--decompress", "--stdout"] }
        if start.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return ["zstd", "--decompress", "--stdout", "--quiet"] }
        if start.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) { return ["xz", "--decompress", "--stdout"] }
        if start.starts(with: [0x42, 0x5A, 0x68]) { return ["bzip2", "--decompress", "--stdout"] }
        return nil
    }

    /// Makes sure that the output ended because the input did; after it was read to its end.
    func finish() throws(Failure) {
        guard let (status, complaint) = program?.wait(), status != 0 else { return }
        throw Failure(
            .invalidArgument, "\(subject) cannot be decompressed: \(complaint.isEmpty ? "it is damaged" : complaint).")
    }

    /// Ends the program, whose output nobody wants any more.
    func abandon() { program?.end() }
}
