// The command line of Rock. A command is a value in the one tree of `Commands/Commands.swift`, and everything a
// person or a shell sees of it is derived from that value.
//
//   CommandLine/   what a command is; reading arguments; help pages; exit codes; suggestions
//   Completions/   scripts for bash, zsh and fish, written from the tree
//   Terminal/      output in one write, colours, the keyboard
//   Commands/      one file per command

import Glibc

@main
struct Rockctl {
    static func main() async {
        // A reader that goes away is an answer to write(2), never a death in the middle of something.
        _ = signal(SIGPIPE, SIG_IGN)
        let console = Console()
        let code = await answer(Array(CommandLine.arguments.dropFirst()), console: console)
        exit(code.rawValue)
    }

    /// Does what `words` ask for and says how it went.
    private static func answer(_ words: [String], console: Console) async -> ExitCode {
        var at = "rockctl"
        do {
            switch try ArgumentReader(root: .rockctl, environment: Console.variable).read(words) {
            case .help(let page):
                try console.write(page.text(width: console.pageWidth, style: console.style))
                return .success
            case .run(let command, let path, let values):
                at = path.joined(separator: " ")
                guard case .action(let action) = command.body else { return .success }
                return try await action(Invocation(path: path, values: values, console: console))
            }
        } catch let error as UsageError {
            console.report(error.whole(style: console.errorStyle))
            return .usage
        } catch let error as CommandError {
            console.report(error.text(at: at, style: console.errorStyle))
            return error.code
        } catch is ClosedPipe {
            return .closedPipe
        } catch {
            console.report(CommandError(.failure, "\(error)").text(at: at, style: console.errorStyle))
            return .failure
        }
    }
}
