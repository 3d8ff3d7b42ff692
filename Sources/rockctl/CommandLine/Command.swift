/// One word of the command line that does something, or that holds further commands.
struct Command: Sendable {
    /// The word itself, such as `run`.
    let name: String
    /// One line without a full stop, shown in lists.
    let summary: String
    /// Paragraphs, divided by an empty line; a paragraph that begins with blanks keeps its lines as they are.
    let discussion: String
    /// What may follow in any order, beside `--help`, which every command has.
    let options: [OptionDeclaration]
    /// What follows in this order.
    let positionals: [PositionalDeclaration]
    /// Whole command lines with what each does.
    let examples: [Example]
    let body: Body
    /// Whether the action waits for ``Interrupted/signals`` itself; they end the others at once.
    let catchesSignals: Bool

    /// After how many words of its own another program's command line begins, which is passed on as it stands.
    let foreignWords: Int?

    /// What the word stands for.
    enum Body: Sendable {
        case group([Command])
        case action(@Sendable (Invocation) async throws -> ExitCode)
    }

    /// A command line worth copying.
    struct Example: Sendable {
        let line: String
        let meaning: String

        init(_ line: String, _ meaning: String) {
            self.line = line
            self.meaning = meaning
        }
    }

    /// A command that does something.
    init(
        _ name: String, summary: String, discussion: String = "", options: [any CommandOption] = [],
        positionals: [any CommandPositional] = [], examples: [Example] = [], catchesSignals: Bool = false,
        foreignWords: Int? = nil, action: @escaping @Sendable (Invocation) async throws -> ExitCode
    ) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.options = options.map(\.declaration)
        self.positionals = positionals.map(\.declaration)
        self.examples = examples
        self.catchesSignals = catchesSignals
        self.foreignWords = foreignWords
        body = .action(action)
    }

    /// A word under which `commands` are found.
    init(
        _ name: String, summary: String, discussion: String = "", options: [any CommandOption] = [],
        commands: [Command]
    ) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.options = options.map(\.declaration)
        positionals = []
        examples = []
        catchesSignals = false
        foreignWords = nil
        body = .group(commands)
    }

    /// The commands under this one.
    var commands: [Command] { if case .group(let commands) = body { commands } else { [] } }

    /// This command and all below it, each with the words that lead to it, in the order of the tree.
    func walk(from path: [String] = []) -> [(path: [String], command: Command)] {
        let path = path + [name]
        return [(path, self)] + commands.flatMap { $0.walk(from: path) }
    }
}
