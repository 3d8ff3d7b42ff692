/// Finds the word that was probably meant.
enum Suggestion {
    /// The nearest of `words`, if it is near enough to be worth saying: at most two slips, and fewer for short words.
    static func nearest(to word: String, among words: [String]) -> String? {
        let limit = min(2, max(1, word.count / 3))
        return
            words
            .map { (word: $0, distance: distance(from: word, to: $0)) }
            .filter { $0.distance <= limit || (word.count > 2 && $0.word.hasPrefix(word)) }
            .min { $0.distance < $1.distance }?.word
    }

    /// The number of letters to add, drop, change or swap with a neighbour (optimal string alignment).
    static func distance(from first: String, to second: String) -> Int {
        let (a, b) = (Array(first), Array(second))
        var before = [Int](), last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in b.indices {
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
                row.append(best)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
