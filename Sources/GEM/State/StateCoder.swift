/// Carries a state to bytes or from bytes, field by field.
///
/// One function names the fields of a type for both ways, so that saving and restoring cannot drift apart: each call below
/// appends the value it is given, or replaces it by what it reads. Reading trusts nothing: a value outside what the caller
/// allows, or an end before the last field, is refused, and nothing is allocated that the bytes do not pay for.
public struct StateCoder: Sendable {
    /// Whether values are replaced rather than written.
    public let isReading: Bool
    /// What has been written, or what is read.
    public private(set) var bytes: [UInt8]
    private var offset = 0

    /// A coder that writes.
    public init() {
        isReading = false
        bytes = []
    }

    /// A coder that reads `bytes` from their beginning.
    public init(reading bytes: [UInt8]) {
        isReading = true
        self.bytes = bytes
    }

    /// Fails unless everything has been read.
    public func finish() throws(Failure) { try check(!isReading || offset == bytes.count) }

    /// Fails unless what was read makes sense; `condition` is not looked at while writing.
    public func check(_ condition: @autoclosure () -> Bool) throws(Failure) {
        if isReading, !condition() { throw .damagedState }
    }

    // MARK: Values

    /// An integer of `range`; small distances from its lower bound take a byte, others up to ten.
    public mutating func integer(_ value: inout Int, in range: ClosedRange<Int>) throws(Failure) {
        if isReading {
            let distance = try readVariable()
            guard distance <= UInt64(bitPattern: Int64(range.upperBound &- range.lowerBound)) else {
                throw .damagedState
            }
            value = Int(truncatingIfNeeded: UInt64(bitPattern: Int64(range.lowerBound)) &+ distance)
        } else {
            guard range.contains(value) else { throw .unsavable }
            writeVariable(UInt64(bitPattern: Int64(value &- range.lowerBound)))
        }
    }

    /// A byte of `range`.
    public mutating func byte(_ value: inout UInt8, in range: ClosedRange<UInt8> = 0...UInt8.max) throws(Failure) {
        if isReading {
            value = try read()
            guard range.contains(value) else { throw .damagedState }
        } else {
            guard range.contains(value) else { throw .unsavable }
            bytes.append(value)
        }
    }

    /// A truth value.
    public mutating func flag(_ value: inout Bool) throws(Failure) {
        var byte: UInt8 = value ? 1 : 0
        try self.byte(&byte, in: 0...1)
        value = byte == 1
    }

    /// All bits of an integer, least significant byte first.
    public mutating func word<Word: FixedWidthInteger & UnsignedInteger>(_ value: inout Word) throws(Failure) {
        if isReading {
            var word: Word = 0
            for shift in stride(from: 0, to: Word.bitWidth, by: 8) { word |= Word(try read()) << Word(shift) }
            value = word
        } else {
            for shift in stride(from: 0, to: Word.bitWidth, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> Word(shift)))
            }
        }
    }

    /// A finite number.
    public mutating func number(_ value: inout Double) throws(Failure) {
        var bits = value.bitPattern
        try word(&bits)
        value = Double(bitPattern: bits)
        try check(value.isFinite)
    }

    /// One of the cases of `Choice`, by its place among them.
    public mutating func choice<Choice: CaseIterable & Equatable>(_ value: inout Choice) throws(Failure) {
        let all = Array(Choice.allCases)
        var place = all.firstIndex(of: value) ?? 0
        try integer(&place, in: 0...all.count - 1)
        value = all[place]
    }

    // MARK: Many values

    /// Bytes, as many as `counts` allows, each in `range`.
    public mutating func bytes(
        _ value: inout [UInt8], counts: ClosedRange<Int>, in range: ClosedRange<UInt8> = 0...UInt8.max
    ) throws(Failure) {
        try list(&value, counts: counts, like: 0) { (state, byte) throws(Failure) in try state.byte(&byte, in: range) }
    }

    /// A list, as long as `counts` allows, of elements that `code` carries, each in a byte at least. Reading begins with
    /// `placeholder` everywhere.
    public mutating func list<Element>(
        _ value: inout [Element], counts: ClosedRange<Int>, like placeholder: Element,
        code: (_ state: inout StateCoder, _ element: inout Element) throws(Failure) -> Void
    ) throws(Failure) {
        var count = value.count
        try integer(&count, in: counts)
        if isReading {
            guard count <= bytes.count - offset else { throw .damagedState }
            value = Array(repeating: placeholder, count: count)
        }
        for index in value.indices { try code(&self, &value[index]) }
    }

    /// Truth values, eight a byte; how many is known beforehand.
    public mutating func bits(_ value: inout [Bool]) throws(Failure) {
        for start in stride(from: 0, to: value.count, by: 8) {
            let places = start..<min(start + 8, value.count)
            var byte: UInt8 = 0
            for place in places where value[place] { byte |= 1 << UInt8(place - start) }
            try self.byte(&byte, in: 0...UInt8(1 << places.count - 1))
            for place in places { value[place] = byte & 1 << UInt8(place - start) != 0 }
        }
    }

    /// A text of at most `limit` bytes.
    public mutating func text(_ value: inout String, limit: Int) throws(Failure) {
        var utf8 = Array(value.utf8)
        try bytes(&utf8, counts: 0...limit)
        guard isReading else { return }
        guard let text = String(validating: utf8, as: UTF8.self) else { throw .damagedState }
        value = text
    }

    // MARK: Bytes

    private mutating func read() throws(Failure) -> UInt8 {
        guard offset < bytes.count else { throw .damagedState }
        offset += 1
        return bytes[offset - 1]
    }

    /// Seven bits a byte, the lowest first; the highest bit says that more follow.
    private mutating func writeVariable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func readVariable() throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try read()
            let part = UInt64(byte & 0x7F)
            guard (part << shift) >> shift == part else { throw .damagedState }
            value |= part << shift
            if byte < 0x80 {
                // One way to write a number: the last byte carries something.
                guard byte > 0 || shift == 0 else { throw .damagedState }
                return value
            }
        }
        throw .damagedState
    }
}

extension Failure {
    /// Bytes that no save of this version has written.
    public static var damagedState: Failure {
        Failure(.invalidState, "The state is damaged, or was made by another version; save it anew.")
    }

    /// An environment holds what its own rules exclude.
    static var unsavable: Failure { Failure(.internalError, "The environment's state cannot be saved.") }
}
