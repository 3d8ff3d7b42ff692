import GEM

extension Sokoban {
    /// The three registered ids.
    static let specs: [EnvironmentSpec] = [
        spec("easy", room: (6, 6), boxes: 2, maxTurns: 20),
        spec("hard", room: (8, 8), boxes: 4, maxTurns: 50),
        spec("random", room: nil, boxes: nil, maxTurns: nil),
    ]

    private static func spec(_ variant: String, room: (Int, Int)?, boxes: Int?, maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "Sokoban", variant, summary: "Push every box of a warehouse onto a goal.",
            actionGrammar: #"\boxed{up|down|left|right}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            parameters: [
                Parameter(
                    "dim_room", .integerPair(4...12), default: room.map { .integerPair($0.0, $0.1) } ?? .null,
                    isOptional: true, summary: "Rows and columns of the room, walls included."),
                Parameter(
                    "room_size", .integerPair(4...12), default: .null, isOptional: true,
                    summary: "Another spelling of dim_room; it wins where both are given."),
                Parameter(
                    "num_boxes", .integer(1...8), default: .of(boxes), isOptional: true,
                    summary: "Boxes, and as many goals."),
            ]
        ) { arguments, entropy in
            var setup = Setup(fixed: nil, maxTurns: arguments.integer("max_turns") ?? 0)
            if let (rows, columns) = arguments.integerPair("room_size") ?? arguments.integerPair("dim_room"),
                let boxes = arguments.integer("num_boxes"), arguments.integer("max_turns") != nil
            {
                setup.fixed = (rows, columns, boxes)
            }
            return Sokoban(setup: setup, entropy: entropy)
        }
    }
}
