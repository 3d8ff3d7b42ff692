/// Every command's page in one Markdown file: `Docs/rockctl.md`.
enum MarkdownReference {
    static func text(of root: Command) -> String {
        let pages = root.walk().map { page($0.command, $0.path) }
        return """
            # rockctl

            Every command, as `rockctl help --markdown` writes it. `rockctl help COMMAND` says the same in a terminal.

            \(contents(root))
            """ + pages.map { "\n" + $0 }.joined() + topics
    }

    /// The first two levels, as links.
    private static func contents(_ root: Command) -> String {
        root.commands.map { command in
            let inner = command.commands.map { link([root.name, command.name, $0.name], as: $0.name) }
            let list = inner.isEmpty ? "" : ": " + inner.joined(separator: ", ")
            return "- \(link([root.name, command.name], as: command.name))\(list)\n"
        }.joined()
    }

    private static func link(_ path: [String], as text: String) -> String {
        "[\(text)](#\(path.joined(separator: "-")))"
    }

    private static func page(_ command: Command, _ path: [String]) -> String {
        let help = HelpPage(command, path: path)
        var text = "## \(path.joined(separator: " "))\n\n\(escaped(command.summary)).\n\n"
        text += "```\n\(path.joined(separator: " ")) \(help.usage)\n```\n"
        if !command.discussion.isEmpty { text += "\n" + discussion(command.discussion) + "\n" }
        text += table(["command", "what it does"], command.commands.map { ($0.name, $0.summary) })
        text += table(["argument", "meaning"], command.positionals.map { ($0.name, $0.summary) })
        text += table(
            ["option", "meaning"],
            command.options.map { option in
                let row = help.row(option)
                return (String(row.0.drop { $0 == " " }), row.1)
            })
        if !command.examples.isEmpty {
            text += "\n```sh\n" + command.examples.map { "\($0.line)   # \($0.meaning)\n" }.joined() + "```\n"
        }
        return text
    }

    /// Paragraphs; lines that begin with a blank keep their form.
    private static func discussion(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix(" ") ? "    " + line : escaped(String(line))
        }.joined(separator: "\n")
    }

    private static func table(_ head: [String], _ rows: [(String, String)]) -> String {
        guard !rows.isEmpty else { return "" }
        let lines = rows.map { "| `\($0.0.replacing("|", with: "\\|"))` | \(escaped($0.1)) |\n" }
        return "\n| \(head.joined(separator: " | ")) |\n|---|---|\n" + lines.joined()
    }

    private static var topics: String {
        let codes = ExitCode.allCases.map { ("\($0.rawValue)", $0.meaning) }
        return "\n## Exit codes\n" + table(["status", "meaning"], codes)
    }

    /// Signs that Markdown would take for its own.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            if "|<>*_`".contains(character) { escaped.append("\\") }
            escaped.append(character)
        }
        return escaped
    }
}
