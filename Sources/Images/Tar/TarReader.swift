import GEM
import Tar

/// Reads the members of a tar: POSIX ustar and pax, and GNU's long names and large numbers. Trusts nothing in it.
struct TarReader {
    private let stream: ByteStream
    private let subject: String
    private let entryLimit: Int
    private var entries = 0
    /// Content of the last member that nobody has read, padding included.
    private var unread: Int64 = 0

    /// How much an extended header may hold.
    private static let headerLimit: Int64 = 1 << 20

    init(_ stream: ByteStream, _ subject: String, entryLimit: Int) {
        self.stream = stream
        self.subject = subject
        self.entryLimit = entryLimit
    }

    /// The next member; `nil` at the end, when the stream has been read out.
    ///
    /// - Throws: ``Failure`` where the bytes are no tar, or there are too many members.
    mutating func next() throws(Failure) -> TarEntry? {
        try stream.skip(unread)
        unread = 0
        var extensions = TarExtensions()
        while let block = try stream.read(TarBlock.size) {
            if block.allSatisfy({ $0 == 0 }) { break }
            guard let header = TarHeader(block) else { throw damaged("a header's checksum is wrong") }
            switch header.type {
            case UInt8(ascii: "x"): try extensions.read(pax: try content(of: header), subject)
            case UInt8(ascii: "g"): _ = try content(of: header)
            case UInt8(ascii: "L"): extensions.path = try content(of: header).prefix { $0 != 0 }.map(\.self)
            case UInt8(ascii: "K"): extensions.target = try content(of: header).prefix { $0 != 0 }.map(\.self)
            default:
                entries += 1
                guard entries <= entryLimit else {
                    throw Failure(.tooLarge, "\(subject) holds more than \(entryLimit) files, which is the limit.")
                }
                var entry = try header.entry(subject)
                try extensions.apply(to: &entry, subject)
                unread = TarBlock.padded(entry.size)
                return entry
            }
        }
        try stream.drain()
        return nil
    }

    /// Hands the content of the last member on in pieces; once.
    mutating func content(
        of entry: TarEntry, to take: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        unread -= entry.size
        try stream.pass(entry.size, to: take)
    }

    /// The content of an extended header.
    private func content(of header: TarHeader) throws(Failure) -> [UInt8] {
        guard let size = header.size, 0...Self.headerLimit ~= size else {
            throw damaged("an extended header is larger than \(Self.headerLimit) bytes")
        }
        let bytes = try stream.read(Int(size)) ?? []
        guard bytes.count == Int(size) else { throw damaged("it ends in an extended header") }
        try stream.skip(TarBlock.padded(size) - size)
        return bytes
    }

    private func damaged(_ why: String) -> Failure { Failure(.invalidArgument, "\(subject) is no sound tar: \(why).") }
}
