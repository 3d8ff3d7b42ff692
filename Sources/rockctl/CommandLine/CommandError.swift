/// A failure of a command, told to the person who called it.
struct CommandError: Error {
    let code: ExitCode
    /// What failed, and on which value; one sentence without a capital or a full stop, for it follows a colon.
    let what: String
    /// What to do about it; sentences of the same form, one a line.
    let hint: String?

    init(_ code: ExitCode, _ what: String, hint: String? = nil) {
        self.code = code
        self.what = what
        self.hint = hint
    }

    /// The lines for standard error.
    func text(at place: String, style: Style) -> String {
        "\(style.paint(place + ":", .error)) \(what)\n"
            + (hint ?? "").split(separator: "\n").map { "  \($0)\n" }.joined()
    }
}

/// A command line that cannot be understood.
struct UsageError: Error {
    /// The command that was being read, as words.
    let path: [String]
    let what: String
    let hint: String?

    init(at path: [String], _ what: String, hint: String? = nil) {
        self.path = path
        self.what = what
        self.hint = hint
    }

    /// The lines for standard error: what is wrong, what may have been meant, where to read on.
    func whole(style: Style) -> String {
        let place = path.joined(separator: " ")
        let page = (["rockctl", "help"] + path.dropFirst()).joined(separator: " ")
        let pointer = "'\(page)' shows " + (path.count > 1 ? "how it is called" : "the commands")
        return CommandError(.usage, what, hint: (hint.map { $0 + "\n" } ?? "") + pointer).text(at: place, style: style)
    }
}
