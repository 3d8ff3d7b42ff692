package import GEM

/// Takes an archive apart that arrives in portions: bytes in, members out.
package struct TarParser {
    /// What ``next(_:from:)`` found.
    package enum Event: Equatable {
        case entry(TarEntry)
        /// The member's next bytes lie there, relative to the given bytes.
        case data(Range<Int>)
        case endOfEntry
        /// The archive has ended; what follows means nothing.
        case end
        /// What is left of the given bytes must be given again, with more behind it.
        case needsMore
    }

    private enum State {
        case header
        /// An extended header of so many bytes, and its kind.
        case extensions(UInt8, Int)
        case content(Int64)
        case padding(Int64)
        case ended
    }

    /// How much an extended header may hold.
    private static let extensionLimit: Int64 = 128 * 1024

    private let subject: String
    private let entryLimit: Int
    private var entries = 0
    private var state = State.header
    private var size: Int64 = 0
    private var extensions = TarExtensions()

    /// - Parameters:
    ///   - subject: What it is, for errors.
    ///   - entryLimit: Members after which there are too many.
    package init(_ subject: String, entryLimit: Int) {
        self.subject = subject
        self.entryLimit = entryLimit
    }

    /// Whether an archive may end here: behind its end, or, as some programs leave it, behind a member.
    package var mayEnd: Bool {
        switch state {
        case .header, .ended: true
        case .extensions, .content, .padding: false
        }
    }

    /// - Parameters:
    ///   - bytes: Bytes of the archive.
    ///   - position: Where to go on; moved past what has been used.
    /// - Returns: What was found next.
    /// - Throws: ``Failure`` where the bytes are no archive, or there are too many members.
    package mutating func next(
        _ bytes: UnsafeRawBufferPointer, from position: inout Int
    ) throws(Failure) -> Event {
        while true {
            let rest = bytes.count - position
            switch state {
            case .header:
                guard rest >= TarBlock.size else { return .needsMore }
                let block = Array(bytes[position..<(position + TarBlock.size)])
                position += TarBlock.size
                if let event = try take(block) { return event }
            case .extensions(let type, let count):
                let padded = Int(TarBlock.padded(Int64(count)))
                guard rest >= padded else { return .needsMore }
                try read(type, Array(bytes[position..<(position + count)]))
                position += padded
                state = .header
            case .content(let left):
                if left == 0 {
                    state = .padding(TarBlock.padded(size) - size)
                    return .endOfEntry
                }
                guard rest > 0 else { return .needsMore }
                let count = Int(min(left, Int64(rest)))
                state = .content(left - Int64(count))
                position += count
                return .data((position - count)..<position)
            case .padding(let left):
                guard rest >= Int(left) else { return .needsMore }
                position += Int(left)
                state = .header
            case .ended:
                position = bytes.count
                return .end
            }
        }
    }

    /// Takes a header; `nil` where it only says something about the next one.
    private mutating func take(_ block: [UInt8]) throws(Failure) -> Event? {
        if block.allSatisfy({ $0 == 0 }) {
            state = .ended
            return .end
        }
        guard let header = TarHeader(block) else { throw damaged("a header's checksum is wrong") }
        if [UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K")].contains(header.type) {
            guard let size = header.size, 0...Self.extensionLimit ~= size else {
                throw damaged("an extended header is larger than \(Self.extensionLimit) bytes")
            }
            state = .extensions(header.type, Int(size))
            return nil
        }
        entries += 1
        guard entries <= entryLimit else {
            throw Failure(.tooLarge, "\(subject) holds more than \(entryLimit) files, which is the limit.")
        }
        var entry = try header.entry(subject)
        try extensions.apply(to: &entry, subject)
        extensions = TarExtensions()
        size = entry.size
        state = .content(size)
        return .entry(entry)
    }

    private mutating func read(_ type: UInt8, _ content: [UInt8]) throws(Failure) {
        switch type {
        case UInt8(ascii: "x"): try extensions.read(pax: content, subject)
        case UInt8(ascii: "L"): extensions.path = Array(content.prefix { $0 != 0 })
        case UInt8(ascii: "K"): extensions.target = Array(content.prefix { $0 != 0 })
        default: break  // what is said about every member says nothing that is used here
        }
    }

    private func damaged(_ why: String) -> Failure { Failure(.invalidArgument, "\(subject) is no sound tar: \(why).") }
}
