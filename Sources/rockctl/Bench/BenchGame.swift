import GEM

/// How a game is played to measure it: actions that are readable and, with a turn limit that never comes, seldom end an episode.
struct BenchGame: Sendable {
    /// The id without version and variant, such as `game:Sokoban`.
    let family: String
    /// Played in turn; environment i begins with the i-th.
    let actions: [String]
    /// What fixes the size of an id that else draws it at every reset: the largest that it draws.
    let size: JSON.Object
    /// What else keeps an episode going.
    let endless: JSON.Object

    private init(
        _ family: String, _ actions: [String], size: JSON.Object = [:], endless: JSON.Object = [:]
    ) {
        (self.family, self.size, self.endless) = (family, size, endless)
        self.actions = actions.map { "\\boxed{\($0)}" }
    }

    /// The arguments under which `id` goes on for as long as it is stepped; an id that draws its size is given one.
    func endlessArguments(of id: EnvironmentID) -> JSON.Object {
        var arguments = endless
        if id.variant == "random" { for (name, value) in size.members { arguments[name] = value } }
        if id.namespace == "game" { arguments["max_turns"] = 1_000_000_000 }
        return arguments
    }

    /// How to play `id`.
    static func of(_ id: EnvironmentID) -> BenchGame? {
        all.first { $0.family == "\(id.namespace):\(id.name)" }
    }

    private static let moves = ["up", "left", "down", "right"]

    private static let all: [BenchGame] = [
        BenchGame(
            "game:TowerofHanoi", ["A B", "A C", "B A", "C A", "A C", "B C", "C B", "C A"], size: ["num_disks": 5]),
        BenchGame("game:GuessTheNumber", ["1", "2", "3"], size: ["min_number": 1, "max_number": 50]),
        BenchGame(
            "game:Mastermind", ["1 2 3 4", "1 2", "4 3 2 1", "2 1"], size: ["code_length": 4, "num_numbers": 8]),
        BenchGame(
            "game:Minesweeper", ["reveal 2 2", "flag 0 0", "reveal 2 2", "flag 4 1"],
            size: ["rows": 8, "cols": 8, "num_mines": 12]),
        BenchGame(
            "game:Wordle", ["oxo", "aaooi", "eye", "eerie", "zzz", "queue", "tat", "stool"], size: ["word_length": 5]),
        BenchGame("game:FifteenPuzzle", moves, size: ["num_rows": 4]),
        BenchGame("game:Hangman", "etaoinshrdlu".map { String($0) }, size: ["word_length": 7]),
        BenchGame(
            "game:Sudoku", ["1 1 1", "2 2 2", "3 3 3", "4 4 4", "1 2 3", "2 3 4", "3 4 1", "4 1 2"],
            size: ["scale": 9, "clues": 50]),
        BenchGame("game:Game2048", moves, endless: ["target_tile": 65536]),
        BenchGame("game:Sokoban", moves, size: ["dim_room": [8, 8], "num_boxes": 5]),
        BenchGame(
            "game:Crosswords", ["1 1 E", "2 2 A", "3 1 T", "1 3 O", "2 4 I", "4 2 S"],
            size: ["hardcore": true, "num_words": 3]),
        BenchGame(
            "game:WordSearch", ["0 0 0 4", "1 1 5 1", "2 2 2 5", "3 0 3 3"], size: ["hardcore": true, "num_words": 5]),
        BenchGame("game:WikiGame", ["Water", "Sea", "River", "Earth"]),
        BenchGame("rock:Bandit", ["A", "B", "C"]),
        BenchGame("rock:FrozenLake", ["left", "down", "right", "up"]),
        BenchGame("rock:Maze", moves),
    ]
}
