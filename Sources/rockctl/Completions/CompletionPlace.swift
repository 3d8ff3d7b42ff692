/// A place in the tree of commands and what may be typed there: what all three scripts are written from.
struct CompletionPlace {
    /// The words that lead here, such as `rockctl env run`.
    let path: String
    /// The words that lead further, with their summaries.
    let commands: [(name: String, summary: String)]
    let options: [OptionDeclaration]
    /// What the words after the options may be.
    let words: [Completion]

    /// Every place under `root`.
    static func all(of root: Command) -> [Self] {
        root.walk().flatMap { path, command in
            let namesCommands = command.positionals.contains { $0.value.completion == .commands }
            let own = Self(
                path: path.joined(separator: " "),
                commands: (namesCommands ? root : command).commands.map { ($0.name, $0.summary) },
                options: command.options + [help],
                words: namesCommands
                    ? [.words(Topic.allCases.map(\.rawValue))] : command.positionals.map(\.value.completion))
            return [own] + (namesCommands ? echo(of: root, below: path) : [])
        }
    }

    /// The groups once more under a command whose words name commands, so that `help env ` goes on with `run`.
    private static func echo(of root: Command, below path: [String]) -> [Self] {
        root.walk().dropFirst().filter { !$0.command.commands.isEmpty }.map { steps, command in
            Self(
                path: (path + steps.dropFirst()).joined(separator: " "),
                commands: command.commands.map { ($0.name, $0.summary) }, options: [], words: [])
        }
    }

    private static let help = OptionDeclaration(
        name: "help", letter: "h", summary: "Show this page", variable: nil, fallback: nil, value: nil)
}

/// A shell word that means exactly `text`.
func quoted(_ text: String, escape: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: escape) + "'"
}
