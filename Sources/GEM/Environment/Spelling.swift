/// Finds the names that somebody may have meant.
public enum Spelling {
    /// Picks the names that differ from `word`, upper and lower case aside, in at most a third of its bytes.
    ///
    /// - Parameters:
    ///   - word: What was written; only its first 128 bytes are looked at.
    ///   - names: What could have been meant.
    ///   - count: How many names are wanted at most.
    /// - Returns: The closest name first.
    public static func nearest(to word: String, among names: [String], count: Int = 3) -> [String] {
        let written = folded(word)
        let farthest = max(2, written.count / 3)
        return
            names
            .map { (name: $0, distance: distance(written, folded($0))) }
            .filter { $0.distance <= farthest }
            .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .prefix(count)
            .map(\.name)
    }

    /// ` Did you mean "a" or "b"?`, or nothing where no name is close.
    public static func suggestion(for word: String, among names: [String]) -> String {
        let nearest = nearest(to: word, among: names).map { "\"\($0)\"" }
        guard let last = nearest.last else { return "" }
        let others = nearest.dropLast().joined(separator: ", ")
        return " Did you mean \(others.isEmpty ? last : others + " or " + last)?"
    }

    /// How many bytes must be inserted, removed or replaced to turn `one` into `other` (Levenshtein).
    static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var row = Array(0...other.count)
        for (line, byte) in one.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, otherByte) in other.enumerated() {
                let replaced = diagonal + (byte == otherByte ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row.last ?? 0
    }

    private static func folded(_ word: String) -> [UInt8] {
        word.utf8.prefix(128).map { (0x41...0x5A) ~= $0 ? $0 | 0x20 : $0 }
    }
}
