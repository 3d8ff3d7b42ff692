import GEM

private let episodes = Option(
    "episodes", letter: "n", .integer(1...1_000_000_000, name: "K"), default: 1, summary: "How many episodes to play")
private let parallel = Option(
    "parallel", letter: "p", .integer(1...4096, name: "P"), default: 1, summary: "How many sandboxes play at a time")
private let policy = Option(
    "policy", .text("random|first|CMD", completion: .words(PolicyKind.words)), default: "random",
    summary: "What chooses the actions; see above")
private let pause = Option(
    "pause", .integer(0...60_000, name: "MS"),
    summary: "How long a board stays on the screen, in milliseconds; 150 where it is redrawn, else 0")
private let quiet = Option.flag("quiet", letter: "q", summary: "Write only the summary")
private let json = Option.flag("json", summary: "Write a JSON object on a line for everything that happens")

extension Command {
    /// `rockctl env run`: episodes played by a policy.
    static let environmentRun: Command = .init(
        "run", summary: "Let a policy play episodes",
        discussion: """
            On a terminal the board is redrawn in place; elsewhere each turn is a line. A summary of returns, lengths and \
            speed comes last. Ctrl-C closes every sandbox and ends with the summary so far.

            The policy 'random' takes what the environment proposes, 'first' repeats the first proposal of each \
            episode. Everything else is a command for the shell: it reads a JSON object on a line for each observation \
            and answers with an action on a line.

                → {"episode":1,"turn":0,"observation":"…","reward":null,
                   "terminated":false,"truncated":false,"info":{}}
                ← \\boxed{up}

            The object that ends an episode wants no answer. An answer that is a JSON string stands for its meaning.
            """,
        options: [
            EnvironmentArgument.seed, episodes, parallel, policy, pause, quiet, json, Connection.url,
            Connection.isolation,
        ],
        positionals: [EnvironmentArgument.id],
        examples: [
            .init("rockctl env run game:Sokoban-v0-easy --seed 42", "One episode with random moves."),
            .init("rockctl env run game:Wordle-v0-easy -n 1000 -p 8 -q", "A thousand episodes in eight sandboxes."),
            .init(
                "rockctl env run game:Sokoban-v0-easy --policy 'python3 agent.py' --json",
                "A program of yours plays; everything is written as JSON."),
        ],
        catchesSignals: true
    ) { call in
        let environment = call[EnvironmentArgument.id]
        let console = call.console
        let parallel = min(call[parallel], call[episodes])
        let isLive = console.outputIsTerminal && Console.variable("TERM") != "dumb" && !call[json] && !call[quiet]
        let report: EpisodeReport =
            call[quiet]
            ? .quiet
            : call[json]
                ? .json
                : !isLive
                    ? .lines
                    : parallel == 1
                        ? .board(LiveBoard(title: environment)) : .count(LiveCount(episodes: call[episodes]))
        let isBoard = if case .board = report { true } else { false }
        let summary = EpisodeSummary()
        let run = EpisodeRun(
            environment: environment, firstSeed: call[EnvironmentArgument.seed].map { Seed($0) },
            episodes: call[episodes], parallel: parallel, policy: PolicyKind(call[policy]),
            picture: isBoard ? (console.style.isOn ? .ansi : .text) : nil,
            pause: .milliseconds(call[pause] ?? (isBoard ? 150 : 0))
        ) { event in
            summary.add(event)
            try report.show(event, on: console)
        }
        var isInterrupted = false
        do {
            try await Interrupted.watching {
                try await Connection.use(call, sandboxes: parallel) { try await run.play(with: $0) }
            }
        } catch is Interrupted {
            isInterrupted = true
        }
        try console.write(
            call[json]
                ? String(decoding: summary.json(environment: environment).serialized, as: UTF8.self) + "\n"
                : summary.text(environment: environment, style: console.style))
        return isInterrupted ? .interrupted : .success
    }
}
