import Admin
import Episodes
import GEM
import Glibc
import Synchronization

private let source = Positional(
    "FILE|EPISODE", .text("FILE|EPISODE", completion: .files),
    summary: "Episodes as 'episodes export' writes them, or the number of one in the data directory")
private let verify = Option.flag("verify", summary: "Show nothing; say whether everything is as recorded")
private let speed = Option(
    "speed", .number(0.001...1e6, name: "X"), summary: "Show it X times as fast as it was played; see above")
private let stepwise = Option.flag("step", summary: "Wait for Enter before each turn; q and Enter ends")
private let parallel = Option(
    "parallel", letter: "p", .integer(1...256, name: "P"), default: 1,
    summary: "With --verify, how many sandboxes play at a time")

extension Command {
    /// `rockctl replay`.
    static let replay: Command = .init(
        "replay", summary: "Play recorded episodes again: show them, or verify them",
        discussion: """
            Nothing of what was shown is stored: the environment plays again, in a sandbox, with the recorded actions. What it \
            shows is compared with the record in any case, and a difference is told and ends with 1.

            On a terminal the board is redrawn in place, 150 ms a turn; --speed 1 takes as long as the player did, but \
            5 seconds a turn at most. --verify plays as fast as it can and reports, for each stream of episodes, the first \
            step that differs, and how.

            An episode that was begun without a seed goes on with the random stream of the one before it, which is then played \
            first. Where that is not there the episode cannot be played.
            """,
        options: [
            verify, speed, stepwise, parallel, EpisodeArgument.json, EpisodeArgument.file,
            ServerSettings.dataDirectory, Connection.url, Connection.isolation,
        ],
        positionals: [source],
        examples: [
            .init("rockctl replay 17 --speed 2", "Episode 17 of the data directory, at twice its pace."),
            .init(
                "rockctl replay sokoban.jsonl --verify", "Whether a file tells the truth; the exit status says it, too."
            ),
        ],
        catchesSignals: true
    ) { call in
        guard !call[verify] || call[speed] == nil && !call[stepwise] else {
            throw UsageError(at: call.path, "--verify shows nothing, so that --speed and --step mean nothing")
        }
        let library = try await ReplayCommand.library(call)
        let command = ReplayCommand(call, isVerifying: call[verify], speed: call[speed], isStepwise: call[stepwise])
        command.warnOfVersions(library.wanted)
        let parallel = call[verify] ? call[parallel] : 1
        let runs = try library.runs()
        do {
            try await Interrupted.watching {
                try await Connection.use(call, sandboxes: parallel) { client in
                    try await command.play(runs, of: library, parallel: parallel, client)
                }
            }
        } catch is Interrupted {
            return .interrupted
        } catch is ReplayCommand.Quit {
            return .success
        }
        return try command.finish() ? .success : .failure
    }
}

/// One call of `rockctl replay`.
private final class ReplayCommand: Sendable {
    /// The person who looks on has seen enough.
    struct Quit: Error {}

    private let console: Console
    private let isEmbedded: Bool
    private let isVerifying: Bool
    private let isJSON: Bool
    private let speed: Double?
    private let isStepwise: Bool
    private let isLive: Bool
    private let input: InputReader?
    private let counts = Mutex((same: 0, different: 0, unplayed: 0))
    /// Stretches that somebody plays or has played.
    private let begun = Atomic(0)

    init(_ call: Invocation, isVerifying: Bool, speed: Double?, isStepwise: Bool) {
        console = call.console
        isEmbedded = call[Connection.url] == nil
        isJSON = call[EpisodeArgument.json]
        (self.isVerifying, self.speed, self.isStepwise) = (isVerifying, speed, isStepwise)
        isLive = call.console.outputIsTerminal && Console.variable("TERM") != "dumb" && !isJSON && !isVerifying
        input = isStepwise ? try? InputReader() : nil
    }

    /// What `call` names: a number is an episode of the data directory unless there is a file of that name.
    static func library(_ call: Invocation) async throws -> EpisodeLibrary {
        let name = call[source]
        guard access(name, F_OK) != 0, let number = Int(name), number > 0 else {
            return try await ImageArgument.blocking { try EpisodeLibrary(lines: name) }
        }
        return try await EpisodeArgument.use(call) { try EpisodeLibrary(store: $0.path, episode: number) }
    }

    /// Another version may play by other rules.
    func warnOfVersions(_ episodes: [RecordedEpisode]) {
        guard isEmbedded else { return }
        for version in Set(episodes.map(\.making.version)).sorted() where version != ServerVersion.current {
            console.report(
                "recorded with version \(printable(version)), played with \(ServerVersion.current): games may differ\n")
        }
    }

    func play(_ runs: [EpisodeStretch], of library: EpisodeLibrary, parallel: Int, _ client: RPCClient) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<parallel {
                group.addTask { try await self.work(runs, library, client) }
            }
            try await group.waitForAll()
        }
    }

    /// Plays stretches that nobody plays yet.
    private func work(_ runs: [EpisodeStretch], _ library: EpisodeLibrary, _ client: RPCClient) async throws {
        while case let place = begun.wrappingAdd(1, ordering: .relaxed).oldValue, place < runs.count {
            let replay = replay(library)
            for outcome in try await replay.play(runs[place], client) { try tell(outcome) }
        }
    }

    /// Says the sum.
    /// - Returns: Whether everything was as recorded.
    func finish() throws -> Bool {
        let counts = counts.withLock { $0 }
        let isGood = counts.different + counts.unplayed == 0
        if isJSON {
            let sum: JSON = [
                "event": "summary", "same": .number(.init(counts.same)), "different": .number(.init(counts.different)),
                "not_played": .number(.init(counts.unplayed)),
            ]
            try console.write(ImageArgument.line(sum))
        } else if isVerifying {
            var text = "\(counted(counts.same, "episode")) as recorded"
            if counts.different > 0 { text += ", \(counts.different) different" }
            if counts.unplayed > 0 { text += ", \(counts.unplayed) not played" }
            try console.write(text + "\n")
        }
        return isGood
    }

    private func tell(_ outcome: EpisodeReplay.Outcome) throws {
        switch outcome {
        case .same: counts.withLock { $0.same += 1 }
        case .different(let difference):
            counts.withLock { $0.different += 1 }
            try console.write(
                isJSON ? ImageArgument.line(difference.json) : printable(difference.text, limit: 400) + "\n")
        case .unplayed(let episode, let reason):
            counts.withLock { $0.unplayed += 1 }
            let json: JSON = [
                "event": "not_played", "episode": .number(.init(Int(episode.id))), "reason": .string(reason),
            ]
            try console.write(
                isJSON
                    ? ImageArgument.line(json)
                    : "episode \(episode.id) was not played: \(printable(reason, limit: 300))\n")
        }
    }

    // MARK: - Showing

    private func replay(_ library: EpisodeLibrary) -> EpisodeReplay {
        let board = Mutex<EpisodeReport?>(nil)
        let last = Mutex<Int64>(0)
        return EpisodeReplay(
            library: library, picture: isLive ? (console.style.isOn ? .ansi : .text) : nil, isPaced: !isVerifying
        ) { [self] event, step in
            guard !isVerifying else { return }
            let report: EpisodeReport = board.withLock { board in
                if case .reset(let episode, _, _, _) = event, isLive {
                    let title = library.wanted.first { $0.id == episode.number }?.making.environment ?? ""
                    board = .board(LiveBoard(title: printable(title)))
                }
                return board ?? (isJSON ? .json : .lines)
            }
            if let step {
                try await wait(step.microseconds - last.withLock(\.self))
                last.withLock { $0 = step.microseconds }
            } else {
                last.withLock { $0 = 0 }
            }
            try report.show(event, on: console)
        }
    }

    /// Waits before a turn is shown that was played so many microseconds after the one before.
    private func wait(_ microseconds: Int64) async throws {
        if let input {
            let line = try await input.next()
            if line.isEmpty || line.first == UInt8(ascii: "q") { throw Quit() }
        } else if let speed {
            try await Task.sleep(for: min(.seconds(5), .microseconds(Double(microseconds) / speed)))
        } else if isLive {
            try await Task.sleep(for: .milliseconds(150))
        }
    }
}
