/// A JSON value.
///
/// For everything that is not asked thousands of times a second: configuration, arguments, answers for people. The hot path
/// walks the bytes with ``JSONScanner`` and writes them with ``JSONWriter`` instead.
public enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Number)
    case string(String)
    case array([JSON])
    case object(Object)

    /// A number exactly as it is written, of any size and precision.
    public struct Number: Equatable, Sendable {
        /// The number as JSON writes it.
        public let text: String

        /// Takes `text` as it is; the parser has checked it.
        init(checked text: String) { self.text = text }

        public init(_ value: Int) { text = String(value) }

        /// The shortest text that reads back as `value`; `nil` where it is infinite or not a number.
        public init?(_ value: Double) {
            guard value.isFinite else { return nil }
            text = value.description
        }

        /// The value, if the number is written as a plain integer (`3`, neither `3.0` nor `3e0`) that fits.
        public var int: Int? { Int(text) }
        /// The nearest double; infinite where the number is beyond all of them.
        public var double: Double { Double(text) ?? .nan }
    }

    /// An object's members in the order in which they were written; a name occurs once.
    public struct Object: Equatable, Sendable, ExpressibleByDictionaryLiteral {
        /// The members in order.
        public private(set) var members: [(name: String, value: JSON)] = []

        public init() {}

        public init(dictionaryLiteral elements: (String, JSON)...) {
            for (name, value) in elements { self[name] = value }
        }

        /// Takes `members` as they are; the parser has seen to it that no name occurs twice.
        package init(checked members: [(name: String, value: JSON)]) { self.members = members }

        /// The value called `name`. Setting `nil` removes it, setting a new name appends it.
        public subscript(name: String) -> JSON? {
            get { place(of: name).map { members[$0].value } }
            set {
                let place = place(of: name)
                switch (place, newValue) {
                case (let place?, let value?): members[place].value = value
                case (let place?, nil): members.remove(at: place)
                case (nil, let value?): members.append((name, value))
                case (nil, nil): break
                }
            }
        }

        /// Names are compared byte by byte: to `String`, the two ways to write é in Unicode are one.
        private func place(of name: String) -> Int? {
            members.firstIndex { $0.name == name && $0.name.utf8.elementsEqual(name.utf8) }
        }

        /// Two objects are equal if they hold the same members in the same order.
        public static func == (one: Self, other: Self) -> Bool {
            one.members.elementsEqual(other.members) { $0.name == $1.name && $0.value == $1.value }
        }
    }
}

extension JSON {
    /// The boolean; `nil` for any other value.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The number, if it is written as a plain integer that fits; `nil` for any other value.
    public var int: Int? { if case .number(let value) = self { value.int } else { nil } }
    /// The number as the nearest double; `nil` for any other value.
    public var double: Double? { if case .number(let value) = self { value.double } else { nil } }
    /// The text; `nil` for any other value.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The elements; `nil` for any other value.
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    /// The members; `nil` for any other value.
    public var object: Object? { if case .object(let value) = self { value } else { nil } }
    /// Whether this is `null`.
    public var isNull: Bool { self == .null }

    /// The member called `name`; `nil` where this is no object or holds no such member.
    public subscript(name: String) -> JSON? { object?[name] }
    /// The element at `index`; `nil` where this is no array or has no such element.
    public subscript(index: Int) -> JSON? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .number(Number(value)) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) {
        var object = Object()
        for (name, value) in elements { object[name] = value }
        self = .object(object)
    }
}
