import GEM
import Glibc
import SandboxHost
import Transport

/// Files on their way between a client and a sandbox: in pieces, each written or read by a thread that may wait for the
/// disk. Nothing is collected.
enum FileTransfer {
    private static let pieceBytes = 256 << 10

    /// The bytes `range` of `file` as an answer's body. A file that ends early cuts the connection.
    static func body(of file: AgentFile, _ range: Range<Int64>) -> HTTPResponse.Body {
        .stream { writer in
            var at = range.lowerBound
            while at < range.upperBound {
                let (start, wanted) = (at, min(pieceBytes, Int(range.upperBound - at)))
                let piece = try await BlockingPool.run { try read(file.file, wanted, at: start) }
                try await writer.write(piece)
                at += Int64(piece.count)
            }
        }
    }

    /// Writes everything that `pieces` brings into `upload`.
    ///
    /// - Returns: How many bytes.
    /// - Throws: ``Failure`` where the disk refuses; what reading throws.
    static func write(
        _ pieces: some AsyncSequence<[UInt8], any Error>, into upload: AgentUpload
    ) async throws -> Int64 {
        var offset: Int64 = 0
        for try await piece in pieces {
            try await write(piece, at: offset, into: upload)
            offset += Int64(piece.count)
        }
        return offset
    }

    /// Writes the first `size` bytes of `file` into `upload`.
    static func copy(_ file: OpenFile, _ size: Int64, into upload: AgentUpload) async throws {
        var at: Int64 = 0
        while at < size {
            let (start, wanted) = (at, min(pieceBytes, Int(size - at)))
            let piece = try await BlockingPool.run { try read(file, wanted, at: start) }
            try await write(piece, at: at, into: upload)
            at += Int64(piece.count)
        }
    }

    /// The next bytes of `file`, at most `wanted`, from `start` on. It blocks.
    private static func read(_ file: OpenFile, _ wanted: Int, at start: Int64) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            let read = pread(file.rawValue, buffer.baseAddress, wanted, off_t(start))
            guard read > 0 else { throw SystemCallError("pread", errno: read < 0 ? errno : EIO) }
            count = read
        }
    }

    /// Writes all of `piece` at `offset`.
    static func write(_ piece: [UInt8], at offset: Int64, into upload: AgentUpload) async throws {
        try await BlockingPool.run {
            var sent = 0
            while sent < piece.count {
                let count = piece.withUnsafeBytes { bytes in
                    pwrite(
                        upload.file.rawValue, bytes.baseAddress.map { $0 + sent }, bytes.count - sent,
                        off_t(offset) + off_t(sent))
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    throw Failure(
                        .infraFailed, "The sandbox cannot take the file: \(String(cString: strerror(errno))).")
                }
                sent += count
            }
        }
    }

    /// The one range that a `Range` header asks for.
    ///
    /// - Returns: The bytes to send, and whether they are a part; `nil` where nothing of the file is in the range.
    static func range(_ header: String?, of size: Int64) -> (bytes: Range<Int64>, isPart: Bool)? {
        let whole = (bytes: 0..<size, isPart: false)
        // Several ranges, and what nobody understands, may be answered by the whole.
        guard let header, header.hasPrefix("bytes="), !header.contains(",") else { return whole }
        let ends = header.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } }) else { return whole }
        switch (Int64(ends[0]), Int64(ends[1])) {
        case (let first?, let last):
            guard first < size else { return nil }
            if let last, last < first { return whole }
            return (first..<min(last ?? size - 1, size - 1) + 1, true)
        case (nil, let count?) where ends[0].isEmpty:
            guard count > 0, size > 0 else { return nil }
            return (max(0, size - count)..<size, true)
        default: return whole
        }
    }
}
