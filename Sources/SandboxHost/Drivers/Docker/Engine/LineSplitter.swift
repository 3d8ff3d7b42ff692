/// Cuts a stream into its lines.
struct LineSplitter {
    /// Longer is no line of an engine's.
    private static let longestLine = 4 << 20

    private var pending: [UInt8] = []

    /// The lines that `chunk` completes, without their ends; blank ones are left out.
    ///
    /// - Throws: ``EngineError`` where a line is too long.
    mutating func append(_ chunk: [UInt8]) throws(EngineError) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = chunk.startIndex
        while let end = chunk[start...].firstIndex(of: 0x0A) {
            pending += chunk[start..<end]
            start = end + 1
            if let line = rest { lines.append(line) }
            pending = []
        }
        pending += chunk[start...]
        guard pending.count <= Self.longestLine else {
            throw EngineError(kind: .garbage, message: "The container engine sends a line that does not end.")
        }
        return lines
    }

    /// What stands after the last line's end; `nil` where that is nothing but blanks.
    var rest: [UInt8]? {
        pending.allSatisfy { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 } ? nil : pending
    }
}
