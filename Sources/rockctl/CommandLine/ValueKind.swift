import GEM

/// How the value of an option or a positional is read, shown and completed.
struct ValueKind<Value: Sendable>: Sendable {
    /// What help pages put in its place, in capitals.
    let name: String
    let completion: Completion
    /// The value that `text` stands for.
    let read: @Sendable (_ text: String) throws(ValueError) -> Value
    /// The value as a user would type it.
    let show: @Sendable (Value) -> String

    init(
        name: String, completion: Completion = .nothing,
        read: @escaping @Sendable (_ text: String) throws(ValueError) -> Value,
        show: @escaping @Sendable (Value) -> String
    ) {
        self.name = name
        self.completion = completion
        self.read = read
        self.show = show
    }

    /// The same kind without its type, for lists.
    var erased: ErasedValueKind {
        ErasedValueKind(name: name, completion: completion) { [read] text throws(ValueError) in try read(text) }
    }

    /// The same kind under another name.
    func named(_ name: String) -> Self { Self(name: name, completion: completion, read: read, show: show) }
}

/// A ``ValueKind`` whose values have lost their type.
struct ErasedValueKind: Sendable {
    let name: String
    let completion: Completion
    let read: @Sendable (_ text: String) throws(ValueError) -> any Sendable
}

/// What a shell offers where a value is wanted.
enum Completion: Equatable, Sendable {
    case nothing
    case files
    case directories
    case words([String])
    /// The words of commands, from the root of the tree on.
    case commands
    /// The sandboxes of the server, asked when the key is pressed.
    case sandboxes
}

/// Why a text is no value: the end of a sentence that begins "'x' is", such as "not a number".
struct ValueError: Error {
    let complaint: String
}

extension ValueKind where Value == String {
    /// Any text but the empty one.
    static func text(_ name: String, completion: Completion = .nothing) -> Self {
        Self(name: name, completion: completion) { text throws(ValueError) in
            guard !text.isEmpty else { throw ValueError(complaint: "empty") }
            return text
        } show: {
            $0
        }
    }

    /// The path of a file, which need not exist.
    static let file = text("FILE", completion: .files)
    /// The path of a directory, which need not exist.
    static let directory = text("DIR", completion: .directories)

    /// One of `words`; help pages show them all.
    static func choice(_ words: [String], name: String? = nil) -> Self {
        Self(name: name ?? words.joined(separator: "|"), completion: .words(words)) { text throws(ValueError) in
            guard words.contains(text) else {
                let near = Spelling.nearest(to: text, among: words, count: 1).first.map { "; did you mean '\($0)'?" }
                throw ValueError(complaint: "none of " + words.joined(separator: ", ") + (near ?? ""))
            }
            return text
        } show: {
            $0
        }
    }
}

extension ValueKind where Value == Int {
    /// A decimal number in `range`.
    static func integer(_ range: ClosedRange<Int>, name: String = "N") -> Self {
        Self(name: name) { text throws(ValueError) in
            let bounds = "a whole number from \(range.lowerBound) to \(range.upperBound)"
            guard let number = Int(text), range.contains(number) else { throw ValueError(complaint: "not \(bounds)") }
            return number
        } show: {
            String($0)
        }
    }
}

extension ValueKind where Value == Double {
    /// A decimal number in `range`.
    static func number(_ range: ClosedRange<Double>, name: String = "N") -> Self {
        Self(name: name) { text throws(ValueError) in
            guard let number = Double(text), range.contains(number) else {
                let bounds = "\(rockctl.number(range.lowerBound)) to \(rockctl.number(range.upperBound))"
                throw ValueError(complaint: "not a number from \(bounds)")
            }
            return number
        } show: {
            rockctl.number($0)
        }
    }
}

extension ValueKind where Value == Duration {
    /// A time such as `90`, `90s`, `30m`, `2h` or `1d`, at most ten years.
    static let time = Self(name: "TIME") { text throws(ValueError) in
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Double(unit == nil ? text[...] : text.dropLast()), number >= 0,
            case let seconds = number * (unit ?? 1), seconds <= 315_360_000
        else { throw ValueError(complaint: "not a time such as 90s, 30m or 2h") }
        return .seconds(seconds)
    } show: {
        "\(rockctl.number($0 / .seconds(1)))s"
    }
}

/// A name and a value, written `NAME=VALUE`.
struct Assignment: Sendable {
    let name: String
    let value: String
}

extension ValueKind where Value == Assignment {
    /// `NAME=VALUE`; without `=` the value is that of our own environment variable, where `inherits`.
    static func assignment(inherits: Bool = false) -> Self {
        Self(name: inherits ? "NAME[=VALUE]" : "NAME=VALUE") { text throws(ValueError) in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, !name.isEmpty else { throw ValueError(complaint: "not NAME=VALUE") }
            if parts.count == 2 { return Assignment(name: String(name), value: String(parts[1])) }
            guard inherits, let value = Console.variable(String(name)) else {
                throw ValueError(complaint: inherits ? "not set here" : "not NAME=VALUE")
            }
            return Assignment(name: String(name), value: value)
        } show: {
            "\($0.name)=\($0.value)"
        }
    }
}
