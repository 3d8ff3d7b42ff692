/// A member of a JSON object, as ranges of the text.
public struct JSONMember: Equatable, Sendable {
    /// The member's name.
    public let name: JSONString
    /// Where its value is, without blanks around it.
    public let value: Range<Int>
}

/// How far the walk through one array or object has come.
public struct JSONContainer: Sendable {
    fileprivate var isFirst = true

    fileprivate init() {}
}

extension JSONScanner {
    /// Enters the object that comes next.
    public mutating func openObject(in text: Span<UInt8>) throws(JSONError) -> JSONContainer {
        guard take(0x7B, in: text) else { throw failure(.object) }
        return JSONContainer()
    }

    /// Reads the next member's name and the colon behind it; the value must be read before the next call.
    ///
    /// - Returns: `nil` once the object has been closed.
    public mutating func nextName(
        of object: inout JSONContainer, in text: Span<UInt8>
    ) throws(JSONError) -> JSONString? {
        // Never behind a comma, which is taken below together with the name it announces.
        if take(0x7D, in: text) { return nil }
        if !object.isFirst, !take(0x2C, in: text) { throw failure(.commaOrBrace) }
        object.isFirst = false
        let name = try readString(in: text, else: .memberName)
        guard take(0x3A, in: text) else { throw failure(.colon) }
        return name
    }

    /// Enters the array that comes next.
    public mutating func openArray(in text: Span<UInt8>) throws(JSONError) -> JSONContainer {
        guard take(0x5B, in: text) else { throw failure(.array) }
        return JSONContainer()
    }

    /// Goes to the next element, which must be read before the next call.
    ///
    /// - Returns: Whether there is one; `false` once the array has been closed.
    public mutating func nextElement(of array: inout JSONContainer, in text: Span<UInt8>) throws(JSONError) -> Bool {
        if take(0x5D, in: text) { return false }
        if !array.isFirst, !take(0x2C, in: text) { throw failure(.commaOrBracket) }
        // A bracket behind a comma is caught by whoever reads the element.
        array.isFirst = false
        return true
    }

    /// Reads the string that comes next.
    public mutating func readString(in text: Span<UInt8>) throws(JSONError) -> JSONString {
        try readString(in: text, else: .string)
    }

    private mutating func readString(
        in text: Span<UInt8>, else expected: JSONError.Expectation
    ) throws(JSONError) -> JSONString {
        guard peek(in: text) == 0x22 else { throw failure(expected) }
        return try scanString(in: text)
    }

    /// Finds the members called `names` in the object at `range` of `text`.
    ///
    /// - Parameters:
    ///   - names: ASCII names.
    ///   - range: Where the object begins; what is behind it is not looked at.
    ///   - text: The text.
    /// - Returns: Where the value of each of `names` is, without blanks around it; `nil` where the object has no such member.
    /// - Throws: ``JSONError`` where no object can be read, or holds one of `names` twice.
    public static func values(
        of names: [StaticString], at range: Range<Int>, in text: Span<UInt8>
    ) throws(JSONError) -> [Range<Int>?] {
        var scanner = JSONScanner(at: range.lowerBound)
        var object = try scanner.openObject(in: text)
        var values = [Range<Int>?](repeating: nil, count: names.count)
        while let name = try scanner.nextName(of: &object, in: text) {
            let value = try scanner.skipValue(in: text)
            for place in names.indices where name.equals(names[place], in: text) {
                guard values[place] == nil else { throw JSONError(at: name.range.lowerBound, expected: .newName) }
                values[place] = value
            }
        }
        return values
    }

    /// The members of the object that `text` is, checked to the last byte.
    ///
    /// - Throws: ``JSONError`` where `text` is not one JSON object, or holds a name twice.
    public static func members(in text: Span<UInt8>) throws(JSONError) -> [JSONMember] {
        var scanner = JSONScanner()
        var object = try scanner.openObject(in: text)
        var members: [JSONMember] = []
        var names = JSONNames()
        while let name = try scanner.nextName(of: &object, in: text) {
            guard names.insert(name, of: text) else {
                throw JSONError(at: name.range.lowerBound, expected: .newName)
            }
            members.append(JSONMember(name: name, value: try scanner.skipValue(in: text)))
        }
        try scanner.expectEnd(in: text)
        return members
    }
}

/// The names that an object holds so far: compared one by one while they are few, hashed once they are many.
struct JSONNames {
    private var few: [JSONString] = []
    private var many: Set<[UInt8]> = []

    /// Adds `name`; `false` if the object holds it already.
    mutating func insert(_ name: JSONString, of text: Span<UInt8>) -> Bool {
        if many.isEmpty, few.count < 16 {
            for other in few where isSame(name, other, in: text) { return false }
            if few.isEmpty { few.reserveCapacity(8) }
            few.append(name)
            return true
        }
        if many.isEmpty { for other in few { many.insert(meaning(other, of: text)) } }
        return many.insert(meaning(name, of: text)).inserted
    }

    private func isSame(_ one: JSONString, _ other: JSONString, in text: Span<UInt8>) -> Bool {
        if one.hasEscapes || other.hasEscapes { return meaning(one, of: text) == meaning(other, of: text) }
        guard one.range.count == other.range.count else { return false }
        for place in 0..<one.range.count
        where text[one.range.lowerBound + place] != text[other.range.lowerBound + place] { return false }
        return true
    }

    private func meaning(_ name: JSONString, of text: Span<UInt8>) -> [UInt8] {
        var plain: [UInt8] = []
        name.appendMeaning(of: text, to: &plain)
        return plain
    }
}
