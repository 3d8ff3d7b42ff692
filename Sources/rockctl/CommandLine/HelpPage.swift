/// The page that `rockctl help COMMAND` and `--help` show.
struct HelpPage {
    private let command: Command
    private let path: [String]

    init(_ command: Command, path: [String]) {
        self.command = command
        self.path = path
    }

    /// The whole page, its lines at most `width` columns wide where words allow it.
    func text(width: Int, style: Style) -> String {
        var page = Paragraphs(width: width)
        page.add(command.summary + ".")
        page.head("Usage", style)
        page.add("\(path.joined(separator: " ")) \(usage)", indent: 2, hang: 4)
        if !command.discussion.isEmpty {
            page.gap()
            page.add(command.discussion)
        }
        page.table("Commands", command.commands.map { ($0.name, $0.summary) }, style)
        page.table("Arguments", command.positionals.map { ($0.name, $0.summary) }, style)
        page.table("Options", command.options.map(row) + [("-h, --help", "Show this page")], style)
        if !command.examples.isEmpty {
            page.head("Examples", style)
            for example in command.examples {
                page.add(style.paint(example.line, .strong), indent: 2, keep: true)
                page.add(example.meaning, indent: 6)
            }
        }
        if case .group = command.body {
            page.gap()
            page.add(
                "'\((["rockctl", "help"] + path.dropFirst()).joined(separator: " ")) COMMAND' says more about each.")
        }
        return page.text
    }

    /// What follows the command on its line.
    var usage: String {
        switch command.body {
        case .group: "COMMAND …"
        case .action: (["[OPTIONS]"] + command.positionals.map(\.usage)).joined(separator: " ")
        }
    }

    /// An option as it is typed, and what it means.
    func row(_ option: OptionDeclaration) -> (String, String) {
        let letter = option.letter.map { "-\($0), " } ?? "    "
        let notes = [
            option.isRepeatable ? "may be repeated" : nil, option.fallback.map { "default: \($0)" },
            option.variable.map { "else $\($0)" },
        ].compactMap { $0 }
        return (
            letter + option.spelling + (option.value.map { " " + $0.name } ?? ""),
            option.summary + (notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))")
        )
    }
}
