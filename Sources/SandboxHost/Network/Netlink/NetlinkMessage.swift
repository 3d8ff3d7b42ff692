import CLinux

/// One netlink message being written, or the attributes of one being read. Numbers are in the machine's byte order unless
/// a name says otherwise.
struct NetlinkMessage {
    private(set) var bytes: [UInt8] = []

    /// Bytes of the header that every message has: its length, type, flags, sequence number and sender.
    static let headerLength = 16

    /// - Parameters:
    ///   - type: The message's type.
    ///   - flags: `NLM_F_…`, on top of `NLM_F_REQUEST`.
    ///   - sequence: What the answer is known by.
    ///   - fixed: What follows the header, before the attributes.
    init(_ type: Int, flags: Int32, sequence: UInt32, fixed: [UInt8]) {
        append(UInt32(0))
        append(UInt16(truncatingIfNeeded: type))
        append(UInt16(truncatingIfNeeded: flags | NLM_F_REQUEST))
        append(sequence)
        append(UInt32(0))
        bytes += fixed
        pad()
    }

    /// The message with its length filled in.
    consuming func finished() -> [UInt8] {
        let length = UInt32(bytes.count)
        withUnsafeBytes(of: length) { bytes.replaceSubrange(0..<4, with: $0) }
        return bytes
    }

    // MARK: Attributes

    mutating func put(_ attribute: Int, _ value: some Collection<UInt8>) {
        precondition(value.count <= 65_000, "an attribute's length has 16 bits")
        append(UInt16(value.count + 4))
        append(UInt16(attribute))
        bytes += value
        pad()
    }

    mutating func put(_ attribute: Int, _ text: String) { put(attribute, text.utf8 + [0]) }
    mutating func put(_ attribute: Int, _ number: UInt32) { put(attribute, number.nativeBytes) }
    /// Most significant byte first, as packet filters' attributes are.
    mutating func put(_ attribute: Int, bigEndian number: UInt32) { put(attribute, number.bigEndian.nativeBytes) }

    /// Puts an attribute that holds what `body` puts.
    mutating func nest(_ attribute: Int, _ body: (inout NetlinkMessage) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(UInt16(attribute | Int(NLA_F_NESTED)))
        body(&self)
        precondition(bytes.count - start <= Int(UInt16.max), "an attribute's length has 16 bits")
        withUnsafeBytes(of: UInt16(bytes.count - start)) { bytes.replaceSubrange(start..<start + 2, with: $0) }
    }

    /// Puts bytes that belong into the middle of a nest without an attribute of their own.
    mutating func put(raw value: [UInt8]) {
        bytes += value
        pad()
    }

    private mutating func append(_ number: some FixedWidthInteger) { bytes += number.nativeBytes }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }
}

// The kernel's numbers come as one type for each list of them.
extension NetlinkMessage {
    mutating func put<Number: RawRepresentable<UInt32>>(_ attribute: Number, _ value: some Collection<UInt8>) {
        put(Int(attribute.rawValue), value)
    }
    mutating func put<Number: RawRepresentable<UInt32>>(_ attribute: Number, _ text: String) {
        put(Int(attribute.rawValue), text)
    }
    mutating func put<Number: RawRepresentable<UInt32>>(_ attribute: Number, bigEndian number: UInt32) {
        put(Int(attribute.rawValue), bigEndian: number)
    }
    mutating func nest<Number: RawRepresentable<UInt32>>(
        _ attribute: Number, _ body: (inout NetlinkMessage) -> Void
    ) {
        nest(Int(attribute.rawValue), body)
    }
}

/// A message of the kernel's.
struct NetlinkAnswer {
    let type: Int
    let sequence: UInt32
    /// What follows the header.
    let body: ArraySlice<UInt8>

    /// The messages in `bytes`, as far as they are whole.
    static func all(in bytes: ArraySlice<UInt8>) -> [NetlinkAnswer] {
        var answers: [NetlinkAnswer] = []
        var rest = bytes
        while rest.count >= NetlinkMessage.headerLength {
            let length = Int(rest.native(UInt32.self))
            guard NetlinkMessage.headerLength...rest.count ~= length else { break }
            answers.append(
                NetlinkAnswer(
                    type: Int(rest.dropFirst(4).native(UInt16.self)), sequence: rest.dropFirst(8).native(UInt32.self),
                    body: rest.prefix(length).dropFirst(NetlinkMessage.headerLength)))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return answers
    }

    /// The attributes after `fixed` bytes, by number; of several with one number the last.
    func attributes(after fixed: Int) -> [Int: ArraySlice<UInt8>] {
        Self.attributes(in: body.dropFirst(fixed))
    }

    static func attributes(in bytes: ArraySlice<UInt8>) -> [Int: ArraySlice<UInt8>] {
        var attributes: [Int: ArraySlice<UInt8>] = [:]
        var rest = bytes
        while rest.count >= 4 {
            let length = Int(rest.native(UInt16.self))
            guard 4...rest.count ~= length else { break }
            // The two highest bits say nested and big-endian.
            attributes[Int(rest.dropFirst(2).native(UInt16.self) & 0x3FFF)] = rest.prefix(length).dropFirst(4)
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return attributes
    }
}

extension FixedWidthInteger {
    /// The number as it lies in memory.
    var nativeBytes: [UInt8] { withUnsafeBytes(of: self) { Array($0) } }
}

extension ArraySlice<UInt8> {
    /// The number that the slice begins with, in the machine's byte order; 0 where it is too short.
    func native<Number: FixedWidthInteger>(_ type: Number.Type) -> Number {
        guard count >= MemoryLayout<Number>.size else { return 0 }
        return withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
    }

    /// The text up to the closing zero.
    var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
