/// A name of a message, label by label, in lower case.
struct NameLabels: Equatable, Sendable {
    var labels: [[UInt8]] = []

    /// `nil` where no host can be called so.
    var hostName: DomainName? {
        DomainName(labels.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "."))
    }
}

/// Reads a message of anybody's: whatever it says, nothing outside it is read, and reading ends.
struct NameReader {
    private let message: ArraySlice<UInt8>
    /// From the message's beginning.
    private(set) var position: Int

    init(_ message: ArraySlice<UInt8>, from position: Int) {
        self.message = message
        self.position = position
    }

    /// The name here; without labels where there is none.
    var labels: NameLabels {
        var copy = self
        return copy.name() ?? NameLabels()
    }

    mutating func word() -> UInt16? {
        guard let range = take(2) else { return nil }
        return message.word(range.lowerBound)
    }

    /// Where the next bytes are; `nil` where there are fewer.
    mutating func take(_ count: Int) -> Range<Int>? {
        guard count >= 0, position + count <= message.count else { return nil }
        defer { position += count }
        return position..<position + count
    }

    /// A name, which may go on elsewhere in the message: each pointer leads to an earlier place, so there is an end.
    mutating func name() -> NameLabels? {
        var name = NameLabels()
        var place = position
        var end: Int?
        var limit = message.count
        var length = 0
        while true {
            guard place < limit else { return nil }
            let head = Int(message.byte(place))
            switch head {
            case 0:
                position = end ?? place + 1
                return name
            case 1...63:
                length += head + 1
                guard place + 1 + head <= message.count, length <= 254 else { return nil }
                let start = message.startIndex + place + 1
                name.labels.append(message[start..<start + head].map(\.lowerCase))
                place += 1 + head
            case 0xC0...:
                guard place + 2 <= message.count else { return nil }
                let target = Int(message.word(place) & 0x3FFF)
                guard target < place else { return nil }
                if end == nil { end = place + 2 }
                // Nothing at or behind the pointer is read again.
                limit = place
                place = target
            default: return nil
            }
        }
    }
}

extension ArraySlice<UInt8> {
    /// The byte at an offset, which must be there.
    func byte(_ offset: Int) -> UInt8 { self[startIndex + offset] }
    func word(_ offset: Int) -> UInt16 { UInt16(byte(offset)) << 8 | UInt16(byte(offset + 1)) }
}

extension UInt8 {
    var lowerCase: UInt8 { (0x41...0x5A) ~= self ? self | 0x20 : self }
}

extension UInt16 {
    var networkBytes: [UInt8] { bigEndian.nativeBytes }
}
