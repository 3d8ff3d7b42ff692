/// What a name server has answered.
struct NameAnswer: Sendable {
    let outcome: UInt8
    let isTruncated: Bool
    /// Addresses of the name that was asked for, or of what it is another name of.
    let addresses: [IPv4]
    /// Seconds until the first of what led there is out of date.
    let lifetime: UInt32

    /// More records are not looked at.
    private static let maximumRecords = 128

    /// Fails unless `message` answers `question`: its number and question are the same, and its records can be read.
    init?(_ message: ArraySlice<UInt8>, to question: NameQuestion) {
        guard message.count >= NameQuestion.headerLength, message.byte(2) & 0xF8 == 0x80, message.word(4) == 1,
            message.word(0) == question.number, let repeated = NameQuestion(repeatedIn: message),
            repeated.kind == question.kind, repeated.recordClass == question.recordClass,
            repeated.bytes.map(\.lowerCase) == question.bytes.map(\.lowerCase)
        else { return nil }
        outcome = message.byte(3) & 0x0F
        isTruncated = message.byte(2) & 2 != 0
        var reader = NameReader(message, from: NameQuestion.headerLength + question.bytes.count)
        var name = NameReader(message, from: NameQuestion.headerLength).labels
        var lifetime = UInt32.max
        var addresses: [IPv4] = []
        for _ in 0..<min(Int(message.word(6)), Self.maximumRecords) {
            guard let owner = reader.name(), let kind = reader.word(), let recordClass = reader.word(),
                let high = reader.word(), let low = reader.word(), let length = reader.word(),
                let data = reader.take(Int(length))
            else {
                // What a truncated message still holds is not needed.
                if isTruncated { break }
                return nil
            }
            // Servers tell an alias before what it leads to; what belongs to neither is nobody's business.
            guard recordClass == NameQuestion.Kind.internet, owner == name else { continue }
            if kind == NameQuestion.Kind.alias {
                var target = NameReader(message, from: data.lowerBound)
                guard let labels = target.name() else { return nil }
                name = labels
            } else if kind == NameQuestion.Kind.address, data.count == 4 {
                let start = message.startIndex + data.lowerBound
                addresses.append(IPv4(networkOrder: message[start..<start + 4]))
            } else {
                continue
            }
            lifetime = min(lifetime, UInt32(high) << 16 | UInt32(low))
        }
        self.addresses = addresses
        self.lifetime = lifetime
    }
}
