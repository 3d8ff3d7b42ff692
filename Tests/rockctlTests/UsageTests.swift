import Testing

/// Command lines that cannot be understood end with 2, write nothing to standard output and say what was meant.
@Suite struct UsageTests {
    @Test(
        arguments: [
            ([], "a command is missing"),
            (["hlep"], "did you mean 'help'?"),
            (["--verison"], "did you mean '--version'?"),
            (["x\u{1B}[31m"], "there is no command 'x?[31m'"),
            (["completions"], "SHELL is missing"),
            (["completions", "bsah"], "did you mean 'bash'?"),
            (["completions", "bash", "zsh"], "nothing is known of 'zsh'"),
            (["completions", "--help=yes"], "there is no option '--help'"),
            (["completions", "-x", "bash"], "there is no option '-x'"),
            (["completions", "--", "--help"], "'--help' is none of"),
            (["version", "--", "more"], "nothing is known of 'more'"),
        ] as [([String], String)])
    func refuses(arguments: [String], saying: String) throws {
        let result = try Program.rockctl(arguments)
        #expect(result.status == 2 && result.output == "" && result.errors.contains(saying), "\(result)")
    }

    @Test(arguments: [
        ["--version"], ["version"], ["help"], ["--help"], ["-h"], ["help", "exit-codes"], ["help", "variables"],
        ["completions", "--nonsense", "--help"],
    ])
    func answers(arguments: [String]) throws {
        let result = try Program.rockctl(arguments)
        #expect(result.status == 0 && result.errors == "" && result.output.hasSuffix("\n"), "\(result)")
    }

    @Test func saysWhenATopicIsUnknown() throws {
        let result = try Program.rockctl(["help", "exit-code"])
        #expect(result.status == 4 && result.errors.contains("did you mean 'exit-codes'?"), "\(result)")
    }
}
