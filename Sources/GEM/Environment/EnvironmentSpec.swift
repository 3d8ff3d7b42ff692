/// Everything there is to know about an environment before it is made.
public struct EnvironmentSpec: Sendable {
    /// The full name, `namespace:Name-vN` with an optional `-variant`, such as `game:Sokoban-v0-easy`.
    public let id: EnvironmentID
    /// One sentence: what the agent has to do.
    public let summary: String
    /// The form of an action, such as `\boxed{up|down|left|right}`.
    public let actionGrammar: String
    /// The smallest and largest sum of rewards that one step can give.
    public let rewardRange: ClosedRange<Double>
    /// Turn limit of this id; `nil` where each reset draws it.
    public let maxTurns: Int?
    /// The keyword arguments that `make` accepts, with the defaults of this id.
    public let parameters: [Parameter]
    /// Whether a seed makes a difference; false where, with the defaults of this id, nothing is drawn.
    public let usesSeed: Bool
    /// Builds one instance. `entropy` starts its generator until the first seeded reset.
    public let make: @Sendable (_ arguments: Arguments, _ entropy: UInt64) throws(Failure) -> any Environment

    public init(
        id: EnvironmentID, summary: String, actionGrammar: String, rewardRange: ClosedRange<Double>, maxTurns: Int?,
        parameters: [Parameter], usesSeed: Bool = true,
        make: @escaping @Sendable (_ arguments: Arguments, _ entropy: UInt64) throws(Failure) -> any Environment
    ) {
        self.id = id
        self.summary = summary
        self.actionGrammar = actionGrammar
        self.rewardRange = rewardRange
        self.maxTurns = maxTurns
        self.parameters = parameters
        self.usesSeed = usesSeed
        self.make = make
    }
}

/// One keyword argument of an environment.
public struct Parameter: Sendable {
    /// The keyword, as GEM spells it.
    public let name: String
    /// The values it takes.
    public let type: Kind
    /// What holds when the caller says nothing; ``Value/null`` where each reset draws it.
    public let defaultValue: Value
    /// One sentence for people.
    public let summary: String

    /// The type of a parameter's values; each also says which numbers are in range.
    public enum Kind: Equatable, Sendable {
        case integer(ClosedRange<Int>)
        case boolean
        /// Two integers, such as rows × columns, both in range.
        case integerPair(ClosedRange<Int>)
        /// One of the listed words.
        case choice([String])
        /// Any text.
        case text
        /// Any number.
        case number
        /// Anything: the environment itself looks at it.
        case any
    }

    /// A parameter's value.
    public enum Value: Equatable, Sendable {
        /// "Draw it at every reset"; legal only where the default of some id of the family is null.
        case null
        case integer(Int)
        case boolean(Bool)
        case integerPair(Int, Int)
        case choice(String)
        /// A text, a number or anything else, as it was given.
        case free(JSON)
    }

    /// Whether `null` may be passed.
    public let isOptional: Bool

    public init(_ name: String, _ type: Kind, default defaultValue: Value, isOptional: Bool = false, summary: String) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.isOptional = isOptional
        self.summary = summary
    }
}

/// The checked arguments of one `make`: a value for each of the spec's parameters.
public struct Arguments: Sendable {
    private var values: [String: Parameter.Value]

    /// The defaults of `spec`'s parameters, overridden by `overrides`, which ``EnvironmentSpec/arguments(from:)``
    /// has checked.
    public init(defaults parameters: [Parameter], overrides: [String: Parameter.Value] = [:]) {
        values = [:]
        for parameter in parameters { values[parameter.name] = overrides[parameter.name] ?? parameter.defaultValue }
    }

    /// All of them by name, in alphabetical order.
    package var sorted: [(name: String, value: Parameter.Value)] {
        values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The integer called `name`; `nil` where it is null or no integer.
    public func integer(_ name: String) -> Int? {
        if case .integer(let value)? = values[name] { value } else { nil }
    }

    /// The boolean called `name`; `nil` where it is null or no boolean.
    public func boolean(_ name: String) -> Bool? {
        if case .boolean(let value)? = values[name] { value } else { nil }
    }

    /// The pair called `name`; `nil` where it is null or no pair.
    public func integerPair(_ name: String) -> (Int, Int)? {
        if case .integerPair(let first, let second)? = values[name] { (first, second) } else { nil }
    }

    /// The text called `name`; `nil` where it is null or no text.
    public func text(_ name: String) -> String? {
        if case .free(let value)? = values[name] { value.string } else { nil }
    }

    /// The word called `name`; `nil` where it is null or no word.
    public func choice(_ name: String) -> String? {
        if case .choice(let value)? = values[name] { value } else { nil }
    }
}
