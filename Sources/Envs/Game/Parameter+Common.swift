import GEM

extension Parameter {
    /// The argument that every game has. With `isOptional`, null makes each reset draw the size of the game and the limit.
    static func maxTurns(_ limit: Int?, isOptional: Bool) -> Parameter {
        Parameter(
            "max_turns", .integer(1...1_000_000), default: limit.map { .integer($0) } ?? .null, isOptional: isOptional,
            summary: "The turn that ends the episode at the latest.")
    }
}
