import GEM

extension EnvironmentSpec {
    /// A spec of the `game:` namespace in version 0; `max_turns` joins the parameters as the last.
    ///
    /// With `drawsSizes` every argument may be null, and then each reset draws the size of the game and its limit.
    static func game(
        _ name: String, _ variant: String, summary: String, actionGrammar: String, rewardRange: ClosedRange<Double>,
        maxTurns: Int?, drawsSizes: Bool = true, usesSeed: Bool = true, parameters: [Parameter],
        make: @escaping @Sendable (Arguments, UInt64) throws(Failure) -> any Environment
    ) -> EnvironmentSpec {
        let limit = Parameter(
            "max_turns", .integer(1...2_147_483_647), default: .of(maxTurns), isOptional: drawsSizes,
            summary: "The turn that ends the episode at the latest.")
        return EnvironmentSpec(
            id: EnvironmentID(namespace: "game", name: name, version: 0, variant: variant), summary: summary,
            actionGrammar: actionGrammar, rewardRange: rewardRange, maxTurns: maxTurns,
            parameters: parameters + [limit], usesSeed: usesSeed, make: make)
    }

    /// A spec of the `rock:` namespace in version 0; `max_turns` joins the parameters as the last and may be null where
    /// each reset works it out.
    static func rock(
        _ name: String, _ variant: String?, summary: String, actionGrammar: String, rewardRange: ClosedRange<Double>,
        maxTurns: Int?, parameters: [Parameter],
        make: @escaping @Sendable (Arguments, UInt64) throws(Failure) -> any Environment
    ) -> EnvironmentSpec {
        let limit = Parameter(
            "max_turns", .integer(1...2_147_483_647), default: .of(maxTurns), isOptional: maxTurns == nil,
            summary: "The turn that ends the episode at the latest.")
        return EnvironmentSpec(
            id: EnvironmentID(namespace: "rock", name: name, version: 0, variant: variant), summary: summary,
            actionGrammar: actionGrammar, rewardRange: rewardRange, maxTurns: maxTurns,
            parameters: parameters + [limit], make: make)
    }
}

extension Parameter.Value {
    /// `value`, or null.
    static func of(_ value: Int?) -> Parameter.Value { value.map { .integer($0) } ?? .null }
    static func of(_ value: Bool?) -> Parameter.Value { value.map { .boolean($0) } ?? .null }
}

extension Failure {
    /// Arguments that are fine one by one and impossible together.
    static func impossible(_ message: String) -> Failure { Failure(.invalidArgument, message) }
}
