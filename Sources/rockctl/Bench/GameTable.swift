import GEM

/// What all environments reach, as a table and beside what they should.
struct GameTable: Sendable {
    let results: [GameBench.Result]

    /// Ids that should reach more than the others.
    private static let heavy = ["Sokoban", "Game2048", "Minesweeper", "Crosswords", "WordSearch"]
    /// Ids whose reset generates something, rather than drawing a number or a word.
    private static let generating = ["Sokoban", "Sudoku", "WordSearch", "Crosswords", "FifteenPuzzle"]

    private var compared: [(result: GameBench.Result, peer: BenchPeer.Rates)] {
        results.compactMap { result in result.peer.map { (result, $0) } }
    }

    /// What should be reached, the smallest or the median of ratios.
    var findings: [BenchFinding] {
        guard !compared.isEmpty else { return [] }
        let steps = compared.map { $0.result.vector / $0.peer.steps }
        let episodes = compared.map { $0.result.episodes / $0.peer.vector }
        let find = { (name: String, value: Double?, least: Double) in
            value.map { BenchFinding(name: name, value: $0, unit: "×", reach: .least(least)) }
        }
        let slowest = { (names: [String], ratio: (GameBench.Result, BenchPeer.Rates) -> Double) in
            compared.filter { entry in names.contains { entry.result.id.contains($0) } }.map {
                ratio($0.result, $0.peer)
            }
            .min()
        }
        return [
            find("steps, every id", steps.min(), 1), find("steps, median", Self.median(steps), 5),
            find("steps, \(Self.heavy.joined(separator: ", "))", slowest(Self.heavy) { $0.vector / $1.steps }, 10),
            find("with resets, median, beside make_vec", Self.median(episodes), 20),
            find(
                "resets, \(Self.generating.joined(separator: ", "))",
                slowest(Self.generating) { $0.resets / $1.resets }, 10),
            find(
                "resets, Sokoban, Sudoku, WordSearch-hard",
                slowest(["Sokoban", "Sudoku", "WordSearch-v0-hard"]) { $0.resets / $1.resets }, 30),
        ].compactMap { $0 }
    }

    private static func median(_ values: [Double]) -> Double? {
        let sorted = values.sorted()
        guard let last = sorted.indices.last else { return nil }
        return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
    }

    var json: JSON {
        .array(
            results.map { result in
                var object: JSON.Object = [
                    "id": .string(result.id), "steps_per_second": double(result.single),
                    "vector_steps_per_second": double(result.vector),
                    "vector_steps_per_second_with_resets": double(result.episodes),
                    "resets_per_second": double(result.resets), "bytes_per_step": double(result.bytes),
                ]
                if let peer = result.peer {
                    object["gem_steps_per_second"] = double(peer.steps)
                    object["gem_make_vec_steps_per_second"] = double(peer.vector)
                    object["gem_resets_per_second"] = double(peer.resets)
                }
                return .object(object)
            })
    }

    /// A Markdown table, then a line for each of ``findings``.
    func text(count: Int) -> String {
        var text = """
            | id | one by one | \(count) at once | GEM | | with resets | GEM's make_vec | | resets | GEM | | bytes a step |
            |---|---|---|---|---|---|---|---|---|---|---|---|

            """
        for result in results {
            let peer = result.peer
            let cells = [
                result.id, Self.short(result.single), Self.short(result.vector), Self.short(peer?.steps),
                Self.ratio(result.vector, peer?.steps), Self.short(result.episodes), Self.short(peer?.vector),
                Self.ratio(result.episodes, peer?.vector), Self.short(result.resets), Self.short(peer?.resets),
                Self.ratio(result.resets, peer?.resets), "\(Int(result.bytes.rounded()))",
            ]
            text += "| " + cells.joined(separator: " | ") + " |\n"
        }
        guard !findings.isEmpty else { return text }
        text += "\n| what | ratio | reach | |\n|---|---|---|---|\n"
        for finding in findings {
            let columns = finding.columns
            text += "| \(columns[0]) | \(columns[1]) | \(columns[4]) | \(columns[5]) |\n"
        }
        return text
    }

    /// A rate with three digits: 1.04 M, 57.3 k, 824.
    private static func short(_ rate: Double?) -> String {
        guard let rate else { return "" }
        for (unit, name) in [(1e6, " M"), (1e3, " k")] where rate >= unit {
            let value = rate / unit
            return number(
                value >= 100
                    ? value.rounded()
                    : value >= 10
                        ? (value * 10).rounded() / 10
                        : (value * 100).rounded() / 100) + name
        }
        return number(rate >= 10 ? rate.rounded() : (rate * 100).rounded() / 100)
    }

    private static func ratio(_ value: Double, _ peer: Double?) -> String {
        guard let peer else { return "" }
        let ratio = value / peer
        return number(ratio >= 10 ? ratio.rounded() : (ratio * 10).rounded() / 10) + " ×"
    }
}
