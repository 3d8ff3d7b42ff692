import GEM

/// Reads a command line against the tree of commands.
///
/// The grammar is that of GNU: `--name value`, `--name=value`, `-n value`, `-nvalue`, flags bundled as `-qj`, options
/// and words in any order, and `--`, after which everything is a word.
struct ArgumentReader {
    let root: Command
    /// Reads the process's environment variables.
    let environment: (String) -> String?

    /// What a command line asks for.
    enum Request {
        case help(HelpPage)
        case run(Command, path: [String], ArgumentValues)
    }

    /// Finds the command and checks everything that was given to it.
    ///
    /// - Parameter words: The arguments, without the program's own name.
    /// - Returns: A page to show, or a command with its checked values.
    /// - Throws: ``UsageError`` for the first thing on the line that cannot be understood.
    func read(_ words: [String]) throws(UsageError) -> Request {
        var command = root
        var path = [root.name]
        var rest = words[...]
        while case .group(let commands) = command.body {
            guard let word = rest.first, word != "--" else {
                throw UsageError(at: path, "a command is missing")
            }
            if word == "--help" || word == "-h" { return .help(HelpPage(command, path: path)) }
            if word.hasPrefix("-"), word.count > 1 {
                guard let option = command.options.first(where: { word == $0.spelling }),
                    let shortcut = commands.first(where: { $0.name == option.name })
                else { throw unknown(option: word, of: command, at: path) }
                command = shortcut  // `rockctl --version` is `rockctl version`
            } else if let next = commands.first(where: { $0.name == word }) {
                command = next
            } else {
                let near = Spelling.nearest(to: word, among: commands.map(\.name), count: 1).first
                throw UsageError(
                    at: path, "there is no command '\(shown(word))'", hint: near.map { "did you mean '\($0)'?" })
            }
            path.append(command.name)
            rest = rest.dropFirst()
        }
        var line = Line(command: command, path: path, rest: rest)
        switch try line.read() {
        case .wantsHelp: return .help(HelpPage(command, path: path))
        case .complete: break
        }
        try line.readVariables(environment)
        return .run(command, path: path, line.values)
    }
}

/// The part of a command line behind the command's own words.
private struct Line {
    let command: Command
    let path: [String]
    var rest: ArraySlice<String>
    var values = ArgumentValues()
    private var words: [String] = []

    enum Outcome { case complete, wantsHelp }

    init(command: Command, path: [String], rest: ArraySlice<String>) {
        self.command = command
        self.path = path
        self.rest = rest
    }

    mutating func read() throws(UsageError) -> Outcome {
        // Whoever asks for help gets it, whatever else is wrong with the line.
        if command.foreignWords == nil,
            rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" })
        {
            return .wantsHelp
        }
        while let word = rest.popFirst() {
            if let own = command.foreignWords, words.count > own {
                words += [word] + rest
                break
            } else if command.foreignWords != nil, word == "--help" || word == "-h" {
                return .wantsHelp
            } else if word == "--" {
                words += rest
                break
            } else if word.hasPrefix("--") {
                try readLong(word)
            } else if word.hasPrefix("-"), word.count > 1 {
                try readShort(word)
            } else {
                words.append(word)
            }
        }
        try readPositionals()
        return .complete
    }

    /// Reads `--name`, `--name=value` or `--name value`.
    private mutating func readLong(_ word: String) throws(UsageError) {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, let option = command.options.first(where: { $0.name == name }) else {
            throw unknown(option: word, of: command, at: path)
        }
        try take(option, spelling: option.spelling, attached: parts.count > 1 ? String(parts[1]) : nil)
    }

    /// Reads `-n`, `-n value`, `-nvalue` or a bundle of flags.
    private mutating func readShort(_ word: String) throws(UsageError) {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard let option = command.options.first(where: { $0.letter == letter }) else {
                throw unknown(option: letters.isEmpty ? "-\(letter)" : word, of: command, at: path)
            }
            if option.value == nil {
                try take(option, spelling: "-\(letter)", attached: nil)
            } else {
                try take(option, spelling: "-\(letter)", attached: letters.isEmpty ? nil : String(letters))
                return
            }
        }
    }

    private mutating func take(
        _ option: OptionDeclaration, spelling: String, attached: String?
    ) throws(UsageError) {
        guard let kind = option.value else {
            guard attached == nil else { throw UsageError(at: path, "'\(spelling)' takes no value") }
            values.options[option.name] = true
            return
        }
        if let attached {
            try put(try value(attached, kind, of: spelling), option)
            return
        }
        // A value may begin with one hyphen (-1); two of them are far more likely the next option.
        guard let next = rest.first, !next.hasPrefix("--") else {
            let instead = rest.first.map { ", but '\(shown($0))' follows" } ?? ""
            throw UsageError(
                at: path, "'\(spelling)' needs a value (\(kind.name))" + instead,
                hint: instead.isEmpty ? nil : "a value that begins with hyphens is written \(option.spelling)=VALUE")
        }
        rest.removeFirst()
        try put(try value(next, kind, of: spelling), option)
    }

    private mutating func put(_ value: any Sendable, _ option: OptionDeclaration) throws(UsageError) {
        if option.isRepeatable {
            values.lists[option.name, default: []].append(value)
        } else {
            values.options[option.name] = value
        }
    }

    private mutating func readPositionals() throws(UsageError) {
        var words = words[...]
        for positional in command.positionals {
            switch positional.count {
            case .one:
                guard let word = words.popFirst() else { throw UsageError(at: path, "\(positional.name) is missing") }
                values.positionals[positional.name] = [try value(word, positional.value, of: positional.name)]
            case .any:
                var read: [any Sendable] = []
                while let word = words.popFirst() {
                    read.append(try value(word, positional.value, of: positional.name))
                }
                values.positionals[positional.name] = read
            }
        }
        if let word = words.first { throw UsageError(at: path, "nothing is known of '\(shown(word))' here") }
    }

    /// Fills in what the command line leaves to environment variables; an empty one counts as absent.
    mutating func readVariables(_ environment: (String) -> String?) throws(UsageError) {
        for option in command.options where values.options[option.name] == nil {
            guard let variable = option.variable, let kind = option.value, let text = environment(variable),
                !text.isEmpty
            else { continue }
            values.options[option.name] = try value(text, kind, of: "$" + variable)
        }
    }

    private func value(
        _ text: String, _ kind: ErasedValueKind, of owner: String
    ) throws(UsageError) -> any Sendable {
        do {
            return try kind.read(text)
        } catch {
            throw UsageError(at: path, "\(owner): '\(shown(text))' is \(error.complaint)")
        }
    }
}

private func unknown(option word: String, of command: Command, at path: [String]) -> UsageError {
    let name = String(word.prefix { $0 != "=" })
    let near = Spelling.nearest(to: name, among: command.options.map(\.spelling) + ["--help"], count: 1).first
    return UsageError(at: path, "there is no option '\(shown(name))'", hint: near.map { "did you mean '\($0)'?" })
}

/// `word` fit to be shown: at most 80 characters, and nothing in it moves a terminal's cursor.
private func shown(_ word: String) -> String {
    let safe = String(
        String.UnicodeScalarView(
            word.unicodeScalars.prefix(80).map { $0.value < 0x20 || 0x7F...0x9F ~= $0.value ? "?" : $0 }))
    return safe.unicodeScalars.count < word.unicodeScalars.count ? safe + "…" : safe
}
