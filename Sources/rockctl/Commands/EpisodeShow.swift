import Episodes
import GEM

private let number = Positional(
    "EPISODE", .integer(1...Int.max, name: "EPISODE"), summary: "The number of the episode")

extension Command {
    /// `rockctl episodes show`.
    static let episodeShow: Command = .init(
        "show", summary: "Show one episode step by step",
        options: [EpisodeArgument.json] + EpisodeArgument.place, positionals: [number],
        examples: [
            .init("rockctl episodes show 17", "Its actions and rewards; 'rockctl replay 17' shows its boards.")
        ]
    ) { call in
        let id = call[number]
        let (episode, steps) = try await EpisodeArgument.use(call) { store in
            let episode = try EpisodeArgument.episode(id, in: store)
            return (episode, try store.steps(of: episode.id))
        }
        try call.console.write(
            bytes: call[EpisodeArgument.json]
                ? EpisodeLine.write(episode, steps) + [0x0A]
                : Array(EpisodeShow.text(episode, steps, call.console.style).utf8))
        return .success
    }
}

/// An episode for people.
enum EpisodeShow {
    /// How it ended, in a word or two.
    static func ending(_ episode: RecordedEpisode) -> String {
        switch episode.ending {
        case .ended: flags(episode.terminated, episode.truncated)
        case .running, .left, .cut: episode.ending.rawValue
        }
    }

    fileprivate static func flags(_ terminated: Bool, _ truncated: Bool) -> String {
        switch (terminated, truncated) {
        case (true, true): "terminated, truncated"
        case (true, false): "terminated"
        case (false, true): "truncated"
        case (false, false): ""
        }
    }

    fileprivate static func text(_ episode: RecordedEpisode, _ steps: [RecordedStep], _ style: Style) -> String {
        var facts = [
            ("environment", printable(episode.making.environment, limit: 128)),
            ("kwargs", printable(episode.making.kwargs, limit: 200)), ("version", printable(episode.making.version)),
            ("sandbox", printable(episode.sandbox, limit: 63)), ("from", EpisodeArgument.text(episode.start)),
            ("began", EpisodeArgument.text(episode.startTime)), ("ending", ending(episode)),
            ("steps", "\(episode.steps)"), ("return", rockctl.number(episode.total)),
        ]
        if let count = episode.making.count { facts.insert(("index", "\(episode.index) of \(count)"), at: 4) }
        let width = facts.map(\.0.count).max() ?? 0
        var text = facts.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
        }.joined()
        guard !steps.isEmpty else { return text }
        let rows = steps.enumerated().map { place, step in
            [
                "\(place + 1)", rockctl.number(Double(step.microseconds) / 1e6), rockctl.number(step.reward),
                String(step.hash.description.prefix(12)), flags(step.terminated, step.truncated),
                printable(step.action, limit: 80),
            ]
        }
        text +=
            "\n"
            + Table(["STEP", "SECONDS", "REWARD", "HASH", "ENDS", "ACTION"], rows, right: [0, 1, 2]).text(style: style)
        return text
    }
}
