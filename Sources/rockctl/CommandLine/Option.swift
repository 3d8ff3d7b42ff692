/// An option of a command, and the key under which its value is found: `call[seed]`.
struct Option<Value: Sendable>: CommandOption {
    let declaration: OptionDeclaration
    /// What holds when neither the command line nor the option's variable says anything.
    let fallback: Value

    /// An option with a value and a default that the help page shows.
    init(
        _ name: String, letter: Character? = nil, _ kind: ValueKind<Value>, default fallback: Value,
        variable: String? = nil, summary: String
    ) {
        declaration = OptionDeclaration(
            name: name, letter: letter, summary: summary, variable: variable, fallback: kind.show(fallback),
            value: kind.erased)
        self.fallback = fallback
    }

    /// An option with a value that may be left out.
    init<Wrapped>(
        _ name: String, letter: Character? = nil, _ kind: ValueKind<Wrapped>, variable: String? = nil,
        summary: String
    ) where Value == Wrapped? {
        declaration = OptionDeclaration(
            name: name, letter: letter, summary: summary, variable: variable, fallback: nil, value: kind.erased)
        fallback = nil
    }
}

extension Option where Value == Bool {
    /// An option without a value: it is there or it is not.
    static func flag(_ name: String, letter: Character? = nil, summary: String) -> Self {
        Self(
            declaration: OptionDeclaration(
                name: name, letter: letter, summary: summary, variable: nil, fallback: nil, value: nil),
            fallback: false)
    }

    private init(declaration: OptionDeclaration, fallback: Bool) {
        self.declaration = declaration
        self.fallback = fallback
    }
}

/// An option that may be given several times, and the key under which its values are found.
struct ListOption<Value: Sendable>: CommandOption {
    let declaration: OptionDeclaration

    init(_ name: String, letter: Character? = nil, _ kind: ValueKind<Value>, summary: String) {
        declaration = OptionDeclaration(
            name: name, letter: letter, summary: summary, variable: nil, fallback: nil, value: kind.erased,
            isRepeatable: true)
    }
}

/// Lets options of different values stand in one list.
protocol CommandOption: Sendable {
    var declaration: OptionDeclaration { get }
}

/// What the parser, the help page and the completions need to know of an option.
struct OptionDeclaration: Sendable {
    /// The long name without its hyphens.
    let name: String
    /// The short name, if there is one.
    let letter: Character?
    /// One sentence for the help page, without a full stop.
    let summary: String
    /// The environment variable that stands in for the option.
    let variable: String?
    /// The default as a user would type it.
    let fallback: String?
    /// How its value is read; `nil` for a flag.
    let value: ErasedValueKind?
    /// Whether it may be given several times, each time with another value.
    var isRepeatable = false

    /// The same option as it is typed, such as `--seed`.
    var spelling: String { "--" + name }
}
