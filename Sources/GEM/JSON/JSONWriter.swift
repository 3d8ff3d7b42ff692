/// Writes JSON straight into bytes: compact, in the order of the calls, commas and colons where they belong.
///
/// Whoever calls sees to it that begins and ends pair up and that every value of an object has its name.
public struct JSONWriter: Sendable {
    /// What has been written.
    public private(set) var bytes: [UInt8]
    /// Whether the next value or name of the open array or object needs a comma in front. One bit is enough: a begin clears
    /// it, a name clears it, and the end of anything is the end of a value.
    private var needsComma = false

    /// Starts with nothing written.
    public init() { bytes = [] }

    /// Goes on behind what `bytes` holds, in its storage, and leaves it empty until ``finish(into:)``.
    public init(taking bytes: inout [UInt8]) {
        self.bytes = []
        swap(&self.bytes, &bytes)
    }

    /// Hands everything written over to `bytes`, where it was taken from.
    public consuming func finish(into bytes: inout [UInt8]) { swap(&self.bytes, &bytes) }

    /// Forgets what was written behind the first `count` bytes, and begins anew there as if nothing stood in front.
    public mutating func rewind(to count: Int = 0) {
        bytes.removeLast(bytes.count - count)
        needsComma = false
    }

    // MARK: Structure

    /// Opens an object.
    @inline(__always)
    public mutating func beginObject() { open(0x7B) }
    /// Closes the open object.
    @inline(__always)
    public mutating func endObject() { close(0x7D) }
    /// Opens an array.
    @inline(__always)
    public mutating func beginArray() { open(0x5B) }
    /// Closes the open array.
    @inline(__always)
    public mutating func endArray() { close(0x5D) }

    /// Writes the name of the next member; `name` is ASCII and needs no escape.
    @inline(__always)
    public mutating func name(_ name: StaticString) {
        separate()
        bytes.append(0x22)
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(0x22)
        bytes.append(0x3A)
        needsComma = false
    }

    /// Writes the name of the next member, escaped where it must be.
    public mutating func name(_ name: String) {
        string(name)
        bytes.append(0x3A)
        needsComma = false
    }

    @inline(__always)
    private mutating func open(_ token: UInt8) {
        separate()
        bytes.append(token)
        needsComma = false
    }

    @inline(__always)
    private mutating func close(_ token: UInt8) {
        bytes.append(token)
        needsComma = true
    }

    /// Writes the comma that the next value needs, if any, and takes note that a value follows.
    @inline(__always)
    private mutating func separate() {
        if needsComma { bytes.append(0x2C) }
        needsComma = true
    }

    // MARK: Values

    /// Writes `null`.
    public mutating func null() { literal("null") }

    /// Writes `true` or `false`.
    public mutating func bool(_ value: Bool) { value ? literal("true") : literal("false") }

    /// Writes an integer.
    public mutating func integer(_ value: Int) {
        separate()
        if 0..<10 ~= value { return bytes.append(0x30 + UInt8(value)) }
        bytes.append(contentsOf: String(value).utf8)
    }

    /// Writes an integer of another type.
    public mutating func integer(_ value: some BinaryInteger) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
    }

    /// Writes the shortest number that reads back as `value`, with a fraction or an exponent (`1.0`); JSON has no infinite
    /// numbers and no NaN, for which this writes `null`.
    public mutating func double(_ value: Double) {
        guard value.isFinite else { return null() }
        separate()
        // Nearly every reward is a small number of tenths. The double nearest to such a number has no shorter text.
        if value.magnitude < 10 {
            let tenths = Int(value * 10)
            if Double(tenths) / 10 == value, tenths != 0 || value.sign == .plus {
                let digits = UInt8(tenths.magnitude)
                if tenths < 0 { bytes.append(0x2D) }
                bytes.append(0x30 + digits / 10)
                bytes.append(0x2E)
                bytes.append(0x30 + digits % 10)
                return
            }
        }
        bytes.append(contentsOf: value.description.utf8)
    }

    /// Writes a string, escaped where it must be.
    public mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { string($0.span) }
    }

    /// Writes a string from its UTF-8, escaped where it must be.
    public mutating func string(_ value: Span<UInt8>) {
        beginString()
        appendToString(value)
        endString()
    }

    /// Writes a value that is JSON already.
    public mutating func raw(_ json: Span<UInt8>) {
        separate()
        json.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    }

    /// Writes `value`.
    public mutating func value(_ value: JSON) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .number(let number):
            separate()
            bytes.append(contentsOf: number.text.utf8)
        case .string(let text): string(text)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let object):
            beginObject()
            for member in object.members {
                name(member.name)
                self.value(member.value)
            }
            endObject()
        }
    }

    @inline(__always)
    private mutating func literal(_ literal: StaticString) {
        separate()
        bytes.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    // MARK: Strings in pieces

    /// Opens a string that is written in pieces.
    public mutating func beginString() {
        separate()
        bytes.append(0x22)
    }

    /// Appends UTF-8 to the open string, escaped where it must be.
    public mutating func appendToString(_ text: Span<UInt8>) { Self.escape(text, onto: &bytes) }

    /// Appends an escaped line feed to the open string.
    mutating func appendLineFeedToString() {
        bytes.append(0x5C)
        bytes.append(0x6E)
    }

    /// Closes the open string.
    public mutating func endString() { bytes.append(0x22) }
}

extension JSON {
    /// The value as compact JSON.
    public var serialized: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }
}
