package import GEM

/// One frame of a link.
package enum LinkFrame: Equatable, Sendable {
    /// Begins a stream; the payload says what it is to be joined to.
    case open(UInt32, target: String)
    /// The stream that the other side began is joined to what it named.
    case accept(UInt32)
    case data(UInt32, [UInt8])
    /// The receiver has room for so many more bytes.
    case window(UInt32, UInt32)
    /// Nothing more comes from this side.
    case end(UInt32)
    /// The stream is over for both sides; the failure says why.
    case reset(UInt32, Failure)
    /// To be sent back at once; the number is the sender's own.
    case ping(UInt64)
    case pong(UInt64)

    /// Bytes before the payload.
    static let headerCount = 8
    /// The longest payload, in bytes: what one stream sends in its turn.
    package static let payloadLimit = 32 << 10
    /// The longest target and the longest reason, in bytes.
    static let textLimit = 1024

    enum Kind: UInt8 {
        case open = 1
        case accept, data, window, end, reset, ping, pong
    }
}

/// What the other end of a link did that it must not do, or why a link ended.
package enum LinkError: Error, Equatable, Sendable {
    /// It broke the rules, in the words of a sentence; nothing it sends can be relied on any more.
    case protocolViolation(String)
    /// Nothing was heard from it for too long.
    case silent
    /// The connection ended, or was closed here.
    case closed
}

extension LinkFrame {
    /// Appends the frame's bytes. A text longer than may be sent is cut.
    package func append(to bytes: inout [UInt8]) {
        switch self {
        case .open(let stream, let target): Self.append(.open, stream, target.utf8.prefix(Self.textLimit), &bytes)
        case .accept(let stream): Self.append(.accept, stream, EmptyCollection(), &bytes)
        case .data(let stream, let payload): Self.append(.data, stream, payload, &bytes)
        case .window(let stream, let count): Self.append(.window, stream, Self.figures(UInt64(count), 4), &bytes)
        case .end(let stream): Self.append(.end, stream, EmptyCollection(), &bytes)
        case .reset(let stream, let failure):
            Self.append(
                .reset, stream, "\(failure.kind.rawValue)\n\(failure.message)".utf8.prefix(Self.textLimit), &bytes)
        case .ping(let number): Self.append(.ping, 0, Self.figures(number, 8), &bytes)
        case .pong(let number): Self.append(.pong, 0, Self.figures(number, 8), &bytes)
        }
    }

    /// The frame's bytes.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    private static func append(
        _ kind: Kind, _ stream: UInt32, _ payload: some Collection<UInt8>, _ bytes: inout [UInt8]
    ) {
        bytes.reserveCapacity(bytes.count + headerCount + payload.count)
        bytes.append(kind.rawValue)
        bytes += figures(UInt64(payload.count), 3)
        bytes += figures(UInt64(stream), 4)
        bytes += payload
    }

    private static func figures(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - 1 - $0))) }
    }
}
