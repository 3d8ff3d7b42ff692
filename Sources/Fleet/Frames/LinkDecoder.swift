import GEM

/// Takes a link's bytes apart as they come. What is no frame is refused at its first byte that shows it.
package struct LinkDecoder: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    package init() {}

    /// Takes in what has arrived.
    package mutating func append(_ new: UnsafeRawBufferPointer) {
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        } else if start > bytes.count / 2 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: new)
    }

    /// The next whole frame; `nil` where more must arrive first.
    ///
    /// - Throws: ``LinkError/protocolViolation(_:)``; nothing can be read after that.
    package mutating func next() throws(LinkError) -> LinkFrame? {
        guard bytes.count > start else { return nil }
        guard let kind = LinkFrame.Kind(rawValue: bytes[start]) else {
            throw .protocolViolation("a frame of the unknown kind \(bytes[start])")
        }
        guard bytes.count - start >= LinkFrame.headerCount else { return nil }
        let length = Int(number(at: 1, 3))
        guard Self.lengths(of: kind).contains(length) else {
            throw .protocolViolation("a frame of kind \(kind) with \(length) bytes")
        }
        let end = start + LinkFrame.headerCount + length
        guard bytes.count >= end else { return nil }
        let stream = UInt32(number(at: 4, 4))
        let isAboutLink = kind == .ping || kind == .pong
        guard (stream == 0) == isAboutLink else { throw .protocolViolation("a frame of kind \(kind) for \(stream)") }
        let frame = frame(kind, stream, length)
        start = end
        return frame
    }

    private func frame(_ kind: LinkFrame.Kind, _ stream: UInt32, _ length: Int) -> LinkFrame {
        let place = LinkFrame.headerCount
        let payload = bytes[(start + place)..<(start + place + length)]
        switch kind {
        case .open: return .open(stream, target: String(decoding: payload, as: UTF8.self))
        case .accept: return .accept(stream)
        case .data: return .data(stream, Array(payload))
        case .window: return .window(stream, UInt32(number(at: place, 4)))
        case .end: return .end(stream)
        case .reset:
            let parts = payload.split(separator: 0x0A, maxSplits: 1, omittingEmptySubsequences: false)
            let kind = parts.first.flatMap { Failure.Kind(rawValue: String(decoding: $0, as: UTF8.self)) }
            let message = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
            return .reset(stream, Failure(kind ?? .infraFailed, message))
        case .ping: return .ping(number(at: place, 8))
        case .pong: return .pong(number(at: place, 8))
        }
    }

    private static func lengths(of kind: LinkFrame.Kind) -> ClosedRange<Int> {
        switch kind {
        case .open: 1...LinkFrame.textLimit
        case .accept, .end: 0...0
        case .data: 1...LinkFrame.payloadLimit
        case .window: 4...4
        case .reset: 0...LinkFrame.textLimit
        case .ping, .pong: 8...8
        }
    }

    private func number(at place: Int, _ count: Int) -> UInt64 {
        bytes[(start + place)..<(start + place + count)].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
