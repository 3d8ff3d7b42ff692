@testable import Envs

/// A board as its text shows it, for tests that want to know what an agent can know.
struct Plan {
    private let cells: [[Character]]

    /// Reads the first `rows` lines of `text`, cells joined by blanks.
    init(_ text: String, rows: Int) {
        cells = text.split(separator: "\n").prefix(rows).map { $0.split(separator: " ").map { Character(String($0)) } }
    }

    /// How many cells show `symbol`.
    func count(of symbol: Character) -> Int { cells.joined().count { $0 == symbol } }

    /// A shortest way from the cell that shows `start` to the one that shows `end`; `nil` where there is none.
    func moves(from start: Character, to end: Character, avoiding wall: Character) -> [Direction]? {
        guard let row = cells.firstIndex(where: { $0.contains(start) }),
            let column = cells[row].firstIndex(of: start)
        else { return nil }
        var ways: [[Int]: [Direction]] = [[row, column]: []]
        var queue = [[row, column]]
        while !queue.isEmpty {
            let place = queue.removeFirst()
            let way = ways[place] ?? []
            if cells[place[0]][place[1]] == end { return way }
            for (direction, step) in [(Direction.up, [-1, 0]), (.down, [1, 0]), (.left, [0, -1]), (.right, [0, 1])] {
                let next = [place[0] + step[0], place[1] + step[1]]
                guard cells.indices ~= next[0], cells[next[0]].indices ~= next[1], ways[next] == nil,
                    cells[next[0]][next[1]] != wall
                else { continue }
                ways[next] = way + [direction]
                queue.append(next)
            }
        }
        return nil
    }
}
