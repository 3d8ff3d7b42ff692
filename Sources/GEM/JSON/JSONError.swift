/// Why a text is not JSON, and where.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The byte, counted from 0, at which reading stopped.
    public let offset: Int
    /// What should have been there.
    public let expected: Expectation

    public init(at offset: Int, expected: Expectation) {
        self.offset = offset
        self.expected = expected
    }

    /// What a JSON text must hold at a place where another byte was found; the raw value reads after "expected".
    public enum Expectation: String, CaseIterable, Sendable {
        case value = "a value"
        case object = "an object"
        case array = "an array"
        case string = "a string"
        case scalar = "a string, a number, a boolean or null"
        case memberName = "a member's name in double quotes"
        case colon = "a colon"
        case commaOrBrace = "a comma or a closing brace"
        case commaOrBracket = "a comma or a closing bracket"
        case digit = "a digit"
        case closingQuote = "a closing quote"
        case escape = "one of the escapes that JSON has"
        case hexDigits = "four hexadecimal digits"
        case lowSurrogate = "the second half of a surrogate pair"
        case noLoneLowSurrogate = "no second half of a surrogate pair without a first"
        case escapedControl = "control characters in strings to be escaped"
        case utf8 = "valid UTF-8"
        case newName = "a name that the object does not hold already"
        case fewerLevels = "fewer levels of arrays and objects"
        case shorterText = "a shorter text"
        case end = "nothing more"
    }

    public var description: String { "at byte \(offset), expected \(expected.rawValue)" }
}
