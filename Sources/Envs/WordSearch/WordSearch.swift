import GEM

/// Find hidden words in a square of letters.
///
/// - Action: `\boxed{1 2 1 7}`: row and column of a word's first and last letter from 0, one or more blanks between them.
/// - Board: `C00 …` above, `R00 …` at the left; letters, those of found words in square brackets. Below, how many are found.
/// - Rewards: each word named pays its share of all words. As in GEM a word pays a second time when it is named with
///   its ends swapped, so an episode can add up to more than 1.
/// - Endings: all words are found, the turn limit, unreadable text.
/// - Source: GEM's WordSearch, after TextArena. The words are not told.
struct WordSearch: WordGrid {
    var episode: Episode

    private let fixed: WordGridSetup?
    var origin = MersenneTwister(seed: 0)
    private(set) var board = LetterBoard(side: 0, symbols: [])
    private(set) var placed: [WordPlacer.Placed] = []
    private var isFound: [Bool] = []
    /// The cells tried so far that are in one line; others can never be right.
    private var tried: Set<UInt32> = []

    init(fixed: WordGridSetup?, entropy: UInt64) {
        self.fixed = fixed
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    /// How many words are found.
    var found: Int { isFound.count { $0 } }

    mutating func begin(seed: Seed?) {
        origin = episode.stream.rolledUp
        let setup = fixed ?? WordGridSetup(isHardcore: episode.stream.pick([false, true]), words: 5, maxTurns: 20)
        episode.maxTurns = setup.maxTurns
        let list = setup.isHardcore ? WordList.large : WordList.basic
        let drawn = episode.stream.sample(setup.words, below: list.count).map { list[$0].map(uppercased) }
        let placer = WordPlacer(
            placing: WordPlacer.order(drawn, by: \.count), filtersCrossings: false, &episode.stream)
        placed = placer.placed
        isFound = Array(repeating: false, count: placed.count)
        tried.removeAll(keepingCapacity: true)
        var letters = placer.cells
        for cell in letters.indices where letters[cell] == 0 {
            letters[cell] = UInt8(ascii: "A") + UInt8(episode.stream.below(26))
        }
        board = LetterBoard(side: placer.side, symbols: letters)
    }

    /// The two cells that an action names; numbers of any size.
    struct Ends {
        var row: Int
        var column: Int
        var lastRow: Int
        var lastColumn: Int

        /// One number for cells inside the grid, whose side is at most 36.
        fileprivate var packed: UInt32 { UInt32(row << 18 | column << 12 | lastRow << 6 | lastColumn) }
    }

    func read(_ action: Action) -> Ends? {
        BoxedAction.last(in: action) { text, cursor in
            guard let row = cursor.number(in: text), cursor.blanks(in: text) > 0, let column = cursor.number(in: text),
                cursor.blanks(in: text) > 0, let lastRow = cursor.number(in: text), cursor.blanks(in: text) > 0,
                let lastColumn = cursor.number(in: text)
            else { return nil }
            return Ends(row: row, column: column, lastRow: lastRow, lastColumn: lastColumn)
        }
    }

    mutating func play(_ move: Ends, message: inout Text) -> Play {
        let inside = 0..<board.side
        guard inside ~= move.row, inside ~= move.column, inside ~= move.lastRow, inside ~= move.lastColumn else {
            message.append("one of the cells is outside the grid.")
            return .nothing
        }
        guard move.row == move.lastRow || move.column == move.lastColumn else {
            message.append("the cells are neither in one row nor in one column.")
            return .nothing
        }
        guard tried.insert(move.packed).inserted else {
            message.append("you have tried these cells before.")
            return .nothing
        }
        guard let index = placed.firstIndex(where: { $0.hasEnds(move) }) else {
            message.append("no hidden word begins and ends there.")
            return .nothing
        }
        isFound[index] = true
        bracket(placed[index])
        message.append("you found ")
        message.append(utf8: placed[index].word)
        message.append(".")
        let findsLast = isFound.allSatisfy { $0 }
        if findsLast { message.append(" That is every word: solved.") }
        return Play(reward: 1 / Double(placed.count), ends: findsLast)
    }

    /// GEM puts the numbers in square brackets, which makes its samples unreadable; the draws are the same.
    mutating func sampleAction(into text: inout Text) {
        let numbers = (0..<4).map { _ in episode.stream.between(0, board.side - 1) }
        text.append(#"\boxed{"#)
        text.append(list: numbers)
        text.append("}")
    }
}

extension WordPlacer.Placed {
    /// Whether the word's ends are these, in either order.
    fileprivate func hasEnds(_ ends: WordSearch.Ends) -> Bool {
        let last = cell(word.count - 1)
        return (row, column) == (ends.row, ends.column) && last == (ends.lastRow, ends.lastColumn)
            || (row, column) == (ends.lastRow, ends.lastColumn) && last == (ends.row, ends.column)
    }
}

extension WordSearch {
    static let specs = [
        spec("easy", WordGridSetup(isHardcore: false, words: 5, maxTurns: 20)),
        spec("hard", WordGridSetup(isHardcore: true, words: 5, maxTurns: 20)), spec("random", nil),
    ]

    private static func spec(_ variant: String, _ setup: WordGridSetup?) -> EnvironmentSpec {
        spec(
            "WordSearch", variant, setup, summary: "Find hidden words in a square of letters.",
            actionGrammar: #"\boxed{row column row column}"#,
            kwargs: (
                "Whether the words come from a large list of often rare words.",
                "Words to hide; one that finds no room is left out."
            ))
    }
}

extension WordSearch {
    /// The square is laid again from where the stream stood; only what has been tried is carried.
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try codePuzzle(&state)
        var ends = tried.sorted()
        try state.list(&ends, counts: 0...episode.turn, like: 0) { (state, ends) throws(Failure) in
            var number = Int(ends)
            try state.integer(&number, in: 0...(1 << 24 - 1))
            ends = UInt32(number)
        }
        guard state.isReading else { return }
        tried = Set(ends)
        // What has been found follows from what has been tried.
        for index in placed.indices where !tried.isDisjoint(with: placed[index].ends) {
            isFound[index] = true
            bracket(placed[index])
        }
    }

    private mutating func bracket(_ word: WordPlacer.Placed) {
        for offset in word.word.indices {
            let cell = word.cell(offset)
            board.bracket(cell.row * board.side + cell.column)
        }
    }
}

extension WordPlacer.Placed {
    /// The word's ends in either order, as they are remembered when they are tried.
    fileprivate var ends: [UInt32] {
        let last = cell(word.count - 1)
        return [
            WordSearch.Ends(row: row, column: column, lastRow: last.row, lastColumn: last.column).packed,
            WordSearch.Ends(row: last.row, column: last.column, lastRow: row, lastColumn: column).packed,
        ]
    }
}
