import GEM

/// Which walls stand around every sandbox of a host, and why the others do not.
public struct IsolationReport: Equatable, Sendable {
    /// What is known about one wall.
    public struct Entry: Equatable, Sendable {
        public let wall: Wall
        /// Whether it stands.
        public let holds: Bool
        /// What holds it up where that is not plain, or why it does not stand.
        public let reason: String?
        /// The command or setting that mends it; `nil` while it holds.
        public var remedy: String? { holds ? nil : wall.remedy }

        init(_ wall: Wall, holds: Bool, reason: String? = nil) {
            self.wall = wall
            self.holds = holds
            self.reason = reason
        }
    }

    /// One for each ``Wall``, in its order.
    public let entries: [Entry]
    /// The report as a JSON object: `{"complete":…,"walls":{…},"missing":[{"wall","reason","remedy"}…]}`.
    public let json: [UInt8]

    /// Whether every wall stands.
    public var isComplete: Bool { entries.allSatisfy(\.holds) }

    init(_ entries: [Entry]) {
        self.entries = entries
        json = Self.json(entries)
    }

    /// Whether `wall` stands.
    public func holds(_ wall: Wall) -> Bool { entries.contains { $0.wall == wall && $0.holds } }

    /// What a refusal says: each missing wall, why, and what mends it.
    var complaint: String {
        entries.filter { !$0.holds }.map { entry in
            "\(entry.wall.rawValue) does not hold (\(entry.reason ?? "unknown")). \(entry.wall.remedy)"
        }.joined(separator: " ")
    }

    private static func json(_ entries: [Entry]) -> [UInt8] {
        let walls = entries.map { "\"\($0.wall.rawValue)\":\($0.holds)" }.joined(separator: ",")
        let missing = entries.filter { !$0.holds }.map { entry in
            let members = [
                ("wall", entry.wall.rawValue), ("reason", entry.reason ?? ""), ("remedy", entry.wall.remedy),
            ].map { "\"\($0)\":\(quoted($1))" }
            return "{\(members.joined(separator: ","))}"
        }
        let isComplete = entries.allSatisfy(\.holds)
        return Array(
            "{\"complete\":\(isComplete),\"walls\":{\(walls)},\"missing\":[\(missing.joined(separator: ","))]}".utf8)
    }

    /// The texts are this target's own: nothing but these two needs an escape.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for character in text {
            if character == "\"" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result + "\""
    }
}
