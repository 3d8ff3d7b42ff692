/// The header lines of one message, as they arrived: the head's own bytes and where each name and value lies. A look-up
/// compares bytes, and only what is asked for becomes a `String`.
package struct HTTPHeaders: Sendable {
    /// Where one line's name and value lie in the head's bytes.
    struct Line: Sendable {
        var name: Range<Int32>
        var value: Range<Int32>
    }

    var bytes: [UInt8] = []
    var lines: [Line] = []

    package init() {}

    /// How many lines there are.
    package var count: Int { lines.count }

    /// The value of the first line of that name, in any case; `nil` when there is none. Bytes that are no UTF-8 are
    /// replaced.
    package subscript(name: StaticString) -> String? {
        for line in lines where matches(line.name, name) { return text(line.value) }
        return nil
    }

    /// The same for a name known only at run time.
    package func first(named name: String) -> String? {
        for line in lines where equalsIgnoringCase(bytes[line.name.indices], name.utf8) { return text(line.value) }
        return nil
    }

    /// The values of every line of that name, in order.
    package func all(named name: StaticString) -> [String] {
        lines.filter { matches($0.name, name) }.map { text($0.value) }
    }

    /// Whether a line of that name exists.
    package func contains(_ name: StaticString) -> Bool {
        lines.contains { matches($0.name, name) }
    }

    /// Whether one of the comma-separated items of the lines of that name is `token`, in any case.
    package func list(_ name: StaticString, contains token: StaticString) -> Bool {
        lines.contains { line in
            matches(line.name, name)
                && bytes[line.value.indices].split(separator: 0x2C).contains { item in
                    equalsIgnoringCase(trimmed(item), token.utf8)
                }
        }
    }

    /// Name and value of every line, in order, as text: for passing them on.
    package var fields: [HTTPField] {
        lines.map { HTTPField(text($0.name), text($0.value)) }
    }

    // MARK: Bytes

    func text(_ range: Range<Int32>) -> String {
        String(decoding: bytes[range.indices], as: UTF8.self)
    }

    @inline(__always)
    func matches(_ range: Range<Int32>, _ name: StaticString) -> Bool {
        range.count == name.utf8CodeUnitCount && equalsIgnoringCase(bytes[range.indices], name.utf8)
    }
}

/// One header line to be sent.
package struct HTTPField: Hashable, Sendable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

extension Range<Int32> {
    var indices: Range<Int> { Int(lowerBound)..<Int(upperBound) }
}

extension StaticString {
    var utf8: UnsafeBufferPointer<UInt8> {
        // Names of headers are written in the source as plain text, never as a single scalar.
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}

func equalsIgnoringCase(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
    left.elementsEqual(right) { ByteClass.lowercased($0) == ByteClass.lowercased($1) }
}

func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    let rest = bytes.drop(while: isBlank)
    return rest.prefix(upTo: (rest.lastIndex { !isBlank($0) } ?? rest.startIndex - 1) + 1)
}
