import Episodes
import GEM
import Registry

private let all = Option.flag("all", summary: "Every episode")
private let keep = Option("keep", .integer(0...Int.max), summary: "All but the N youngest")
private let dry = Option.flag("dry-run", summary: "Only say how many would go")

extension Command {
    /// `rockctl episodes prune`.
    static let episodePrune: Command = .init(
        "prune", summary: "Remove recorded episodes",
        discussion: """
            Removes those that the filters mean, or all but the youngest with --keep. What is being played stays. An episode that \
            goes on from a removed one can be looked at, but not verified any more. A server keeps within limits of its own: \
            episodes.keep_days, maximum_bytes and maximum of its configuration.
            """,
        options: EpisodeArgument.filters + [keep, all, dry, EpisodeArgument.json] + EpisodeArgument.place,
        examples: [
            .init("rockctl episodes prune --until 30d", "Those that are older than thirty days."),
            .init("rockctl episodes prune --keep 10000", "All but ten thousand."),
        ]
    ) { call in
        guard EpisodeArgument.hasFilter(call) || call[all] || call[keep] != nil else {
            throw UsageError(at: call.path, "nothing says which episodes", hint: "name a filter, --keep N or --all")
        }
        guard call[keep] == nil || !EpisodeArgument.hasFilter(call) && !call[all] else {
            throw UsageError(at: call.path, "--keep goes with no filter and not with --all")
        }
        let (query, kept, isDry) = (EpisodeArgument.query(call), call[keep], call[dry])
        let removed = try await EpisodeArgument.use(call, writing: !isDry) { store in
            if let kept {
                guard isDry else { return try store.apply(EpisodeRetention(episodes: kept), at: .now()) }
                return max(0, try store.count().episodes - kept)
            }
            guard isDry else { return try store.remove(query) }
            var ended = query
            if ended.endings.isEmpty { ended.endings = RecordedEpisode.Ending.allCases.filter { $0 != .running } }
            return try store.count(ended).episodes
        }
        try call.console.write(
            call[EpisodeArgument.json]
                ? ImageArgument.line(["removed": .number(.init(removed))])
                : "\(counted(removed, "episode")) \(isDry ? "would be removed" : "removed")\n")
        return .success
    }
}
