/// What one look-up asks: the question of a DNS message (RFC 1035, section 4.1.2) and what its answer must repeat.
struct NameQuestion: Sendable, Equatable {
    /// Kinds of records that are told apart here.
    enum Kind {
        static let address: UInt16 = 1
        static let alias: UInt16 = 5
        static let ipv6Address: UInt16 = 28
        static let internet: UInt16 = 1
    }

    /// Why there is no answer, by the numbers of RFC 1035, section 4.1.1.
    enum Outcome: UInt8, Sendable {
        case found = 0
        case malformed = 1
        case serverFailed = 2
        case noSuchName = 3
        case notImplemented = 4
    }

    /// The asker's number of the message.
    let number: UInt16
    /// The asker wants the answer's servers to ask others, as everybody does.
    let wantsRecursion: Bool
    /// The question as it was written, capitals and all: name, kind and class.
    let bytes: [UInt8]
    /// The name; `nil` where it is none that a host can have.
    let name: DomainName?
    let kind: UInt16
    let recordClass: UInt16

    static let headerLength = 12
    /// More answers of one name are left out, so that a message without extensions (512 bytes) holds all.
    static let maximumAddresses = 14

    /// Fails unless `message` is a query with one question.
    init?(query message: ArraySlice<UInt8>) {
        // Any answer, another operation than a query, or other than one question.
        guard message.count >= Self.headerLength, message.byte(2) & 0xF8 == 0, message.word(4) == 1 else { return nil }
        self.init(repeatedIn: message)
    }

    /// A question of this machine's own.
    init(_ name: DomainName, kind: UInt16, number: UInt16) {
        var bytes: [UInt8] = []
        for label in name.text.split(separator: ".") { bytes += [UInt8(label.utf8.count)] + label.utf8 }
        self.init(number, bytes + [0] + kind.networkBytes + Kind.internet.networkBytes, name, kind, Kind.internet)
    }

    /// The same, under another number.
    func renumbered(_ number: UInt16) -> NameQuestion { NameQuestion(number, bytes, name, kind, recordClass) }

    private init(_ number: UInt16, _ bytes: [UInt8], _ name: DomainName?, _ kind: UInt16, _ recordClass: UInt16) {
        (self.number, self.bytes, self.name, self.kind) = (number, bytes, name, kind)
        (self.recordClass, wantsRecursion) = (recordClass, true)
    }

    init?(repeatedIn message: ArraySlice<UInt8>) {
        var reader = NameReader(message, from: Self.headerLength)
        guard let labels = reader.name(), let kind = reader.word(), let recordClass = reader.word() else { return nil }
        number = message.word(0)
        wantsRecursion = message.byte(2) & 1 != 0
        bytes = Array(message.dropFirst(Self.headerLength).prefix(reader.position - Self.headerLength))
        name = labels.hostName
        (self.kind, self.recordClass) = (kind, recordClass)
    }

    // MARK: Messages

    /// The message that asks it.
    func query() -> [UInt8] {
        let rest: [UInt8] = [0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]
        return number.networkBytes + rest + bytes
    }

    /// The message that answers it.
    ///
    /// - Parameters:
    ///   - outcome: How it went.
    ///   - addresses: Of the name; at most ``maximumAddresses`` are told.
    ///   - lifetime: How long the asker may remember them, in seconds.
    ///   - isTruncated: The rest is to be had by TCP.
    /// - Returns: The message, at most 512 bytes long.
    func answer(
        _ outcome: Outcome, _ addresses: [IPv4] = [], lifetime: UInt32 = 0, isTruncated: Bool = false
    ) -> [UInt8] {
        let told = addresses.prefix(Self.maximumAddresses)
        var message = number.networkBytes
        message.append(0x80 | (isTruncated ? 2 : 0) | (wantsRecursion ? 1 : 0))
        message += [0x80 | outcome.rawValue, 0, 1] as [UInt8]
        message += UInt16(told.count).networkBytes
        message += [0, 0, 0, 0] as [UInt8]
        message += bytes
        for address in told {
            // The name is a pointer to the question's.
            message += [0xC0, UInt8(Self.headerLength)] as [UInt8]
            message += Kind.address.networkBytes + Kind.internet.networkBytes
            message += lifetime.bigEndian.nativeBytes + (4 as UInt16).networkBytes + address.bytes
        }
        return message
    }
}
