import GEM

private let topic = Rest(
    "COMMAND", .text("COMMAND", completion: .commands), summary: "The words of a command, or the name of a topic")

private let markdown = Option.flag("markdown", summary: "Write every command's page as one Markdown file")

extension Command {
    /// `rockctl help`: any command's page, and the pages that belong to none.
    static let help: Command = .init(
        "help", summary: "Explain a command or a topic",
        discussion: """
            Topics: \(Topic.allCases.map(\.rawValue).joined(separator: ", ")).
            """,
        options: [markdown], positionals: [topic],
        examples: [
            .init("rockctl help completions", "Everything about one command."),
            .init("rockctl help exit-codes", "What the status of a command says."),
        ]
    ) { call in
        let words = call[topic]
        if call[markdown] {
            guard words.isEmpty else { throw UsageError(at: call.path, "--markdown writes all commands") }
            try call.console.write(MarkdownReference.text(of: .rockctl))
            return .success
        }
        if words.count == 1, let word = words.first, let topic = Topic(rawValue: word) {
            try call.console.write(topic.text(style: call.console.style, width: call.console.pageWidth))
            return .success
        }
        var command = Command.rockctl
        var path = [command.name]
        for word in words {
            guard let next = command.commands.first(where: { $0.name == word }) else {
                let known = command.commands.map(\.name) + (path.count == 1 ? Topic.allCases.map(\.rawValue) : [])
                let near = Spelling.nearest(to: word, among: known, count: 1).first.map { "did you mean '\($0)'?" }
                throw CommandError(
                    .notFound, "there is no command or topic '\((path.dropFirst() + [word]).joined(separator: " "))'",
                    hint: near ?? "'\(path.joined(separator: " ")) --help' lists what there is")
            }
            command = next
            path.append(word)
        }
        try call.console.write(
            HelpPage(command, path: path).text(width: call.console.pageWidth, style: call.console.style))
        return .success
    }
}
