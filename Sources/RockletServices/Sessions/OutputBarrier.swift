/// Finds where in a terminal's output a mark stands that this process has written behind everything else.
///
/// A terminal hands output on in its own time, so the shell's report may overtake what was written before it. The mark
/// cannot: it went the same way. Programs cannot write it, for nobody knows it before, and what they write cannot be taken
/// for the end of a command, which the report alone is.
struct OutputBarrier {
    /// A control string (APC) that terminals would not show.
    let mark: [UInt8]
    private var held: [UInt8] = []

    init() {
        // Figures only: whatever the terminal's modes are, it writes them as they are.
        let number = UInt64.random(in: 1_000_000_000_000_000...9_999_999_999_999_999)
        mark = Array("\u{1B}_\(number)\u{1B}\\".utf8)
    }

    /// Takes in the next bytes.
    ///
    /// - Returns: What comes before the mark, as far as it is known; and what comes after it, `nil` until it has been found.
    mutating func pass(_ bytes: UnsafeRawBufferPointer) -> (before: [UInt8], after: [UInt8]?) {
        held += bytes
        if let place = find() {
            let after = Array(held[(place + mark.count)...])
            held.removeSubrange(place...)
            return (release(), after)
        }
        // The mark may have begun.
        let kept = min(mark.count - 1, held.count)
        guard let start = held[(held.count - kept)...].firstIndex(of: mark[0]) else { return (release(), nil) }
        let before = Array(held[..<start])
        held.removeSubrange(..<start)
        return (before, nil)
    }

    /// Gives up: what is held is output.
    mutating func release() -> [UInt8] {
        defer { held = [] }
        return held
    }

    private func find() -> Int? {
        var start = 0
        while let place = held[start...].firstIndex(of: mark[0]) {
            if held[place...].starts(with: mark) { return place }
            start = place + 1
        }
        return nil
    }
}
