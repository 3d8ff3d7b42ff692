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
