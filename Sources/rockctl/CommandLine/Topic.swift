/// A help page about something other than a command.
enum Topic: String, CaseIterable {
    case exitCodes = "exit-codes"
    case variables

    /// The page, set like a command's.
    func text(style: Style, width: Int) -> String {
        var page = Paragraphs(width: width)
        switch self {
        case .exitCodes:
            page.add("The status with which every command ends.")
            page.table("Exit codes", ExitCode.allCases.map { (String($0.rawValue), $0.meaning) }, style)
        case .variables:
            page.add("Environment variables that commands read. What the command line says comes first.")
            page.table("Variables", Self.variableRows, style)
        }
        return page.text
    }

    /// What the tree's options read, and what the terminal layer does.
    private static var variableRows: [(String, String)] {
        var rows: [(String, String)] = []
        for (path, command) in Command.rockctl.walk() {
            for option in command.options {
                guard let name = option.variable else { continue }
                let place = path.dropFirst().joined(separator: " ")
                if let index = rows.firstIndex(where: { $0.0 == name }) {
                    rows[index].1 += ", '\(place)'"
                } else {
                    rows.append((name, "Stands in for \(option.spelling) of '\(place)'"))
                }
            }
        }
        return rows + [
            ("ROCK_API_KEY", "The key for a server that asks for one, where --key-file names none"),
            ("NO_COLOR", "Any value but the empty one: no colours"),
            ("TERM", "'dumb' means no colours and no redrawing"),
        ]
    }
}
