private let shell = Positional(
    "SHELL", .choice(Shell.allCases.map(\.rawValue)), summary: "bash, zsh or fish")

extension Command {
    /// `rockctl completions`: scripts that let the Tab key finish a command line.
    static let completions: Command = .init(
        "completions", summary: "Write a completion script for a shell",
        discussion: """
            Once loaded, the Tab key finishes commands, options, environment ids and paths.
            """,
        positionals: [shell],
        examples: [
            .init("source <(rockctl completions bash)", "For this bash; in ~/.bashrc for every one."),
            .init(
                "rockctl completions zsh > ~/.zfunc/_rockctl", "For zsh, where ~/.zfunc is in fpath before compinit."),
            .init(
                "rockctl completions fish > ~/.config/fish/completions/rockctl.fish",
                "For fish, from its next start on."),
        ]
    ) { call in
        guard let shell = Shell(rawValue: call[shell]) else { return .usage }
        try call.console.write(shell.script(for: .rockctl))
        return .success
    }
}
