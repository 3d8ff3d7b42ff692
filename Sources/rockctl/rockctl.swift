// The command line of Rock. A command is a value in the one tree of `Commands/Commands.swift`, and everything a
// person or a shell sees of it is derived from that value.
//
//   CommandLine/   what a command is; reading arguments; help pages; exit codes; suggestions
//   Completions/   scripts for bash, zsh and fish, written from the tree
//   Terminal/      output in one write, colours, the keyboard, signals
//   Sandboxes/     sandboxes of a server: their names, programs and terminals in them, files to and from them
//   RPC/           a client, and what carries its messages: HTTP, or a server embedded here
//   Episodes/      episodes played by a policy, and what is shown of them
//   Bench/         a load generator, and what it measures
//   Daemon/        a server in the background, and how it is found again
//   Commands/      one file per command

import GEM
import Glibc
import Transport

@main
struct Rockctl {
    static func main() {
        // A reader that goes away is an answer to write(2), never a death in the middle of something.
        _ = signal(SIGPIPE, SIG_IGN)
        // A stream that was closed before us must not become a socket of ours.
        while case let descriptor = open("/dev/null", O_RDWR), descriptor >= 0 {
            if descriptor > STDERR_FILENO {
                close(descriptor)
                break
            }
        }
        let console = Console()
        do {
            let words = Array(CommandLine.arguments.dropFirst())
            switch try ArgumentReader(root: .rockctl, environment: Console.variable).read(words) {
            case .help(let page):
                try console.write(page.text(width: console.pageWidth, style: console.style))
            case .run(let command, let path, let values):
                if command.catchesSignals { try SignalSource.block(Interrupted.signals + [SIGWINCH]) }
                let call = Invocation(path: path, values: values, console: console)
                // Detached: the main actor, whose thread never comes back to it, runs nothing.
                Task.detached { exit(await answer(call, by: command)) }
                // Not an asynchronous `main`: while that waits, its thread takes every signal, blocked or not.
                while true { pause() }
            }
        } catch {
            exit(end(of: error, at: "rockctl", console))
        }
    }

    /// Does what `call` asks for and says how it went.
    private static func answer(_ call: Invocation, by command: Command) async -> Int32 {
        guard case .action(let action) = command.body else { return ExitCode.success.rawValue }
        do {
            return try await action(call).rawValue
        } catch {
            return end(of: error, at: call.path.joined(separator: " "), call.console)
        }
    }

    /// Says what went wrong and how the process ends because of it.
    private static func end(of error: any Error, at place: String, _ console: Console) -> Int32 {
        switch error {
        case let error as UsageError:
            console.report(error.whole(style: console.errorStyle))
            return ExitCode.usage.rawValue
        case is ClosedPipe: return ExitCode.closedPipe.rawValue
        case is Interrupted: return ExitCode.interrupted.rawValue
        case let ended as ProgramEnded: return ended.status
        default:
            let error =
                error as? CommandError ?? (error as? Failure).map(CommandError.init)
                ?? CommandError(.failure, "\(error)")
            console.report(error.text(at: place, style: console.errorStyle))
            return error.code.rawValue
        }
    }
}
