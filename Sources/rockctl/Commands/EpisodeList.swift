import Episodes
import GEM

private let limit = Option("limit", .integer(1...1_000_000), default: 50, summary: "How many at most")
private let before = Option(
    "before", .integer(1...Int.max, name: "EPISODE"), summary: "Only older ones than this: the next page")

extension Command {
    /// `rockctl episodes list`.
    static let episodeList: Command = .init(
        "list", summary: "Show recorded episodes, youngest first",
        options: EpisodeArgument.filters + [limit, before, EpisodeArgument.json] + EpisodeArgument.place,
        examples: [
            .init("rockctl episodes list --env 'game:Sokoban*' --min-return 1 --since 2h", "What was solved of late."),
            .init("rockctl episodes list --limit 1000 --before 4711 --json", "The next page, for a program."),
        ]
    ) { call in
        var query = EpisodeArgument.query(call)
        query.before = call[before].map(RecordedEpisode.ID.init)
        let most = call[limit]
        let (episodes, count) = try await EpisodeArgument.use(call) { [query] store in
            (try store.episodes(query, limit: most, newestFirst: true), try store.count(query))
        }
        guard !call[EpisodeArgument.json] else {
            var writer = JSONWriter()
            writer.beginObject()
            writer.name("episodes")
            writer.beginArray()
            for episode in episodes {
                writer.beginObject()
                writer.members(of: episode)
                writer.endObject()
            }
            writer.endArray()
            writer.name("total")
            writer.integer(count.episodes)
            writer.name("next_before")
            if let last = episodes.last, episodes.count < count.episodes {
                writer.integer(last.id)
            } else {
                writer.null()
            }
            writer.endObject()
            try call.console.write(bytes: writer.bytes + [0x0A])
            return .success
        }
        let rows = episodes.map { episode in
            [
                "\(episode.id)", printable(episode.making.environment), EpisodeArgument.text(episode.startTime),
                "\(episode.steps)", number(episode.total), EpisodeShow.ending(episode),
                EpisodeArgument.text(episode.start),
            ]
        }
        let head = ["EPISODE", "ENVIRONMENT", "BEGAN", "STEPS", "RETURN", "ENDING", "FROM"]
        try call.console.write(Table(head, rows, right: [0, 3, 4]).text(style: call.console.style))
        if episodes.count < count.episodes, let last = episodes.last {
            call.console.report("\(count.episodes - episodes.count) more: --before \(last.id)\n")
        }
        return .success
    }
}
