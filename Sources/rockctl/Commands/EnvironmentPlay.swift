import GEM

extension Command {
    /// `rockctl env play`: a person plays.
    static let environmentPlay: Command = .init(
        "play", summary: "Play an environment with the keyboard",
        discussion: """
            Where a game is moved by directions, the arrow keys, w a s d or h j k l move; r begins anew with the next \
            seed, q ends. Everything else is played by the line: what is typed becomes the action, put into \\boxed{…} \
            where it is not there already; an empty line ends.
            """,
        options: [EnvironmentArgument.seed, Connection.url, Connection.isolation],
        positionals: [EnvironmentArgument.id],
        examples: [
            .init("rockctl env play game:Sokoban-v0-easy --seed 42", "Push boxes."),
            .init("rockctl env play game:Wordle-v0-hard", "Guess words, one a line."),
        ],
        catchesSignals: true
    ) { call in
        var input = try StandardInput()
        let id = call[EnvironmentArgument.id]
        let seed = call[EnvironmentArgument.seed].map { Seed($0) }
        let connection = try await Connection(call)
        do {
            let sandbox = try await EnvironmentClient(id, connection.client)
            let game = PlayedGame(id: id, seed: seed, sandbox: sandbox, console: call.console)
            do {
                if game.isMovedByDirections, call.console.inputIsTerminal, call.console.outputIsTerminal {
                    try await game.playWithKeys(&input)
                } else {
                    try await game.playByLine(&input)
                }
            } catch {
                await sandbox.close()
                throw error
            }
            await sandbox.close()
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        return .success
    }
}
