/// A word whose place says what it means, and the key under which its value is found: `call[id]`.
struct Positional<Value: Sendable>: CommandPositional {
    let declaration: PositionalDeclaration

    /// A word that must be there.
    init(_ name: String, _ kind: ValueKind<Value>, summary: String) {
        declaration = PositionalDeclaration(
            name: name, summary: summary, count: .one, value: kind.erased)
    }
}

/// Words from here to the end of the line, possibly none.
struct Rest<Value: Sendable>: CommandPositional {
    let declaration: PositionalDeclaration

    init(_ name: String, _ kind: ValueKind<Value>, summary: String) {
        declaration = PositionalDeclaration(
            name: name, summary: summary, count: .any, value: kind.erased)
    }
}

/// Lets positionals of different values stand in one list.
protocol CommandPositional: Sendable {
    var declaration: PositionalDeclaration { get }
}

/// What the parser, the help page and the completions need to know of a positional.
struct PositionalDeclaration: Sendable {
    /// How the help page calls it, in capitals.
    let name: String
    /// One sentence for the help page, without a full stop.
    let summary: String
    let count: Count
    let value: ErasedValueKind

    /// How many words it takes.
    enum Count: Sendable { case one, any }

    /// The positional as a usage line shows it.
    var usage: String { count == .one ? name : "[\(name) …]" }
}
