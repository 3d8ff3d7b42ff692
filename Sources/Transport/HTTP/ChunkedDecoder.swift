/// Takes a chunked body apart: bytes in, pieces of the body out, in whatever portions they arrive.
struct ChunkedDecoder {
    /// What ``next(_:from:)`` found.
    enum Event: Equatable {
        /// The body's next bytes lie there, relative to the given bytes.
        case data(Range<Int>)
        /// The given bytes are used up.
        case needsMore
        /// The body has ended. What follows belongs to the next message.
        case end
    }

    private enum State: Equatable {
        case size(digits: Int)
        case `extension`
        case sizeLineFeed
        case data
        case dataCarriageReturn
        case dataLineFeed
        case trailerStart
        case trailer
        case trailerLineFeed
        case endLineFeed
        case ended
    }

    /// Chunk extensions and trailers mean nothing here, so there is only as much room for them as a proxy may need.
    private static let metadataLimit = 8 * 1024

    private var state = State.size(digits: 0)
    /// Bytes of the current chunk that are still to come.
    private var remaining = 0
    private var metadata = 0

    var hasEnded: Bool { state == .ended }

    /// - Parameters:
    ///   - bytes: Bytes of the body as sent.
    ///   - position: Where to go on; moved past what has been used.
    /// - Returns: What was found next.
    /// - Throws: ``HTTPError``: 400 for anything but chunks, 413 for a size beyond all reason.
    mutating func next(_ bytes: Span<UInt8>, from position: inout Int) throws(HTTPError) -> Event {
        while state != .ended {
            if state == .data {
                guard position < bytes.count else { return .needsMore }
                let start = position
                let count = min(remaining, bytes.count - position)
                position += count
                remaining -= count
                if remaining == 0 { state = .dataCarriageReturn }
                return .data(start..<position)
            }
            guard position < bytes.count else { return .needsMore }
            try take(bytes[position])
            position += 1
        }
        return .end
    }

    private mutating func take(_ byte: UInt8) throws(HTTPError) {
        switch state {
        case .size(let digits):
            try takeSize(byte, digits)
        case .extension:
            if byte == 0x0D { state = .sizeLineFeed } else { try countMetadata(byte) }
        case .sizeLineFeed:
            try expect(byte, 0x0A)
            state = remaining == 0 ? .trailerStart : .data
        case .dataCarriageReturn:
            try expect(byte, 0x0D)
            state = .dataLineFeed
        case .dataLineFeed:
            try expect(byte, 0x0A)
            state = .size(digits: 0)
        case .trailerStart:
            if byte == 0x0D {
                state = .endLineFeed
            } else {
                guard ByteClass.isToken(byte) else { throw Self.malformed }
                try countMetadata(byte)
                state = .trailer
            }
        case .trailer:
            if byte == 0x0D { state = .trailerLineFeed } else { try countMetadata(byte) }
        case .trailerLineFeed:
            try expect(byte, 0x0A)
            state = .trailerStart
        case .endLineFeed:
            try expect(byte, 0x0A)
            state = .ended
        case .data, .ended:
            preconditionFailure("not a byte of the framing")
        }
    }

    private mutating func takeSize(_ byte: UInt8, _ digits: Int) throws(HTTPError) {
        if let digit = ByteClass.hexValue(byte) {
            // Fifteen figures fit an Int; more is an attack on somebody's arithmetic.
            guard digits < 15 else { throw HTTPError(413, "A chunk is too large.") }
            remaining = remaining << 4 | Int(digit)
            state = .size(digits: digits + 1)
            return
        }
        guard digits > 0 else { throw Self.malformed }
        switch byte {
        case 0x0D: state = .sizeLineFeed
        case 0x3B: state = .extension
        default: throw Self.malformed
        }
    }

    private mutating func countMetadata(_ byte: UInt8) throws(HTTPError) {
        metadata += 1
        guard ByteClass.isFieldValue(byte), metadata <= Self.metadataLimit else { throw Self.malformed }
    }

    private func expect(_ byte: UInt8, _ expected: UInt8) throws(HTTPError) {
        guard byte == expected else { throw Self.malformed }
    }

    private static let malformed = HTTPError(.badRequest, "The chunked body is malformed.")
}

extension ChunkedDecoder {
    /// Moves everything that has arrived of the body from `input` to `piece`.
    ///
    /// - Parameters:
    ///   - input: Bytes as they arrived; what is used is dropped.
    ///   - piece: Where the body's bytes are appended.
    ///   - rest: How many bytes may still come.
    ///   - limit: How many may come in all: for the error.
    /// - Returns: Whether the body has ended.
    /// - Throws: ``HTTPError``: as ``next(_:from:)``, and 413 beyond the limit.
    mutating func append(
        from input: inout InputBuffer, to piece: inout [UInt8], limit rest: Int, of limit: Int
    ) throws(HTTPError) -> Bool {
        var position = 0
        defer { input.drop(position) }
        return try input.withSpan { span throws(HTTPError) in
            while true {
                switch try next(span, from: &position) {
                case .data(let range):
                    guard range.count <= rest - piece.count else { throw HTTPBodyState.tooLarge(limit) }
                    span.extracting(range).withUnsafeBufferPointer { piece.append(contentsOf: $0) }
                case .needsMore:
                    return false
                case .end:
                    return true
                }
            }
        }
    }
}
