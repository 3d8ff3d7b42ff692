import GEM

/// Fill a small crossword letter by letter.
///
/// - Action: `\boxed{2 5 A}`: row and column from 0 and a letter in either case, one or more blanks between them.
/// - Board: `C00 …` above, `R00 …` at the left; `.` unused, `_` open, a capital where filled. The clues stand below.
/// - Rewards: each right letter pays its share of all letter cells; a wrong one costs nothing but the turn.
/// - Endings: no open cell is left, the turn limit, unreadable text.
/// - Source: GEM's Crosswords, after TextArena, with clues of our own.
struct Crosswords: WordGrid {
    var episode: Episode

    private let fixed: WordGridSetup?
    var origin = MersenneTwister(seed: 0)
    /// The words on the board, in the order in which they were placed.
    private(set) var placed: [WordPlacer.Placed] = []
    private var entries: [CrosswordEntry] = []
    /// The letters to find, in capitals; 0 where the cell is unused.
    private var solution: [UInt8] = []
    private(set) var board = LetterBoard(side: 0, symbols: [])
    private var letterCells = 0
    private(set) var openCells = 0

    init(fixed: WordGridSetup?, entropy: UInt64) {
        self.fixed = fixed
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    mutating func begin(seed: Seed?) {
        origin = episode.stream.rolledUp
        let setup = fixed ?? WordGridSetup(isHardcore: episode.stream.pick([false, true]), words: 3, maxTurns: 20)
        episode.maxTurns = setup.maxTurns
        let list = setup.isHardcore ? CrosswordEntry.hard : CrosswordEntry.easy
        entries = WordPlacer.order(episode.stream.sample(list, setup.words)) { $0.word.count }
        let placer = WordPlacer(placing: entries.map(\.word), filtersCrossings: true, &episode.stream)
        placed = placer.placed
        solution = placer.cells.map(uppercased)
        board = LetterBoard(
            side: placer.side, symbols: solution.map { $0 == 0 ? UInt8(ascii: ".") : UInt8(ascii: "_") })
        letterCells = solution.count { $0 != 0 }
        openCells = letterCells
    }

    /// The clue of a placed word.
    func clue(of word: WordPlacer.Placed) -> [UInt8] { entries[word.index].clue }

    /// Row and column as written, of any size, and a capital letter.
    typealias Move = (row: Int, column: Int, letter: UInt8)

    func read(_ action: Action) -> Move? {
        BoxedAction.last(in: action) { text, cursor in
            guard let row = cursor.number(in: text), cursor.blanks(in: text) > 0, let column = cursor.number(in: text),
                cursor.blanks(in: text) > 0, let letter = cursor.letter(in: text)
            else { return nil }
            return (row, column, uppercased(letter))
        }
    }

    mutating func play(_ move: Move, message: inout Text) -> Play {
        guard 0..<board.side ~= move.row, 0..<board.side ~= move.column else {
            message.append("that cell is outside the grid.")
            return .nothing
        }
        let cell = move.row * board.side + move.column
        guard solution[cell] != 0 else {
            message.append("that cell belongs to no word.")
            return .nothing
        }
        guard board[cell] == UInt8(ascii: "_") else {
            message.append("that cell is filled already.")
            return .nothing
        }
        message.append(ascii: move.letter)
        guard solution[cell] == move.letter else {
            message.append(" is wrong there.")
            return .nothing
        }
        board[cell] = move.letter
        openCells -= 1
        message.append(" is right.")
        if openCells == 0 { message.append(" Every cell is filled: solved.") }
        return Play(reward: 1 / Double(letterCells), ends: openCells == 0)
    }

    /// GEM puts the letters in square brackets, which makes its samples unreadable; the draws are the same.
    mutating func sampleAction(into text: inout Text) {
        let open = solution.indices.filter { board[$0] == UInt8(ascii: "_") }
        let cell = open.isEmpty ? 0 : episode.stream.pick(open)
        text.append(#"\boxed{"#)
        text.append(list: [cell / board.side, cell % board.side])
        text.append(" ")
        text.append(ascii: UInt8(ascii: "A") + UInt8(episode.stream.below(26)))
        text.append("}")
    }
}

extension Crosswords {
    static let specs = [
        spec("easy", WordGridSetup(isHardcore: false, words: 3, maxTurns: 30)),
        spec("hard", WordGridSetup(isHardcore: true, words: 3, maxTurns: 40)), spec("random", nil),
    ]

    private static func spec(_ variant: String, _ setup: WordGridSetup?) -> EnvironmentSpec {
        spec(
            "Crosswords", variant, setup, summary: "Fill a small crossword letter by letter.",
            actionGrammar: #"\boxed{row column letter}"#,
            kwargs: ("Whether the words are rare.", "Words to place; one that finds no room is left out."))
    }
}

extension Crosswords {
    /// The puzzle is laid again from where the stream stood; only what has been filled in is carried.
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try codePuzzle(&state)
        var isFilled = solution.indices.map { solution[$0] != 0 && board[$0] == solution[$0] }
        try state.bits(&isFilled)
        guard state.isReading else { return }
        for cell in isFilled.indices where isFilled[cell] {
            guard solution[cell] != 0 else { throw .damagedState }
            board[cell] = solution[cell]
            openCells -= 1
        }
    }
}
