import Episodes
import GEM
import Registry

private let source = Positional(
    "FILE", .file, summary: "Episodes as JSON, one a line, as 'episodes export' writes them")

extension Command {
    /// `rockctl episodes import`.
    static let episodeImport: Command = .init(
        "import", summary: "Add episodes that were exported elsewhere",
        discussion: """
            The whole file is checked first: types and ranges, that sums and endings fit the steps, and the running hash of \
            every step. If anything is wrong nothing is added. Episodes get new numbers; those that are here already are passed \
            over. Whether they were really played so is for 'rockctl replay --verify' to say.
            """,
        options: [EpisodeArgument.json] + EpisodeArgument.place, positionals: [source],
        examples: [.init("rockctl episodes import sokoban.jsonl", "Adds them to those in the data directory.")]
    ) { call in
        let path = call[source]
        let (added, known) = try await EpisodeArgument.use(call, writing: true) { store in
            let file = try EpisodeFile(path)
            var lines = 0
            while let line = try file.next() {
                do throws(EpisodeLine.Fault) {
                    let (episode, steps) = try EpisodeLine.read(line.bytes.span)
                    try EpisodeLine.check(episode, steps)
                } catch {
                    throw CommandError(.failure, "\(path):\(line.number): \(error)", hint: "nothing was added")
                }
                lines += 1
            }
            file.rewind()
            var adding = EpisodeImport(into: store)
            var isAtEnd = false
            while !isAtEnd {
                // Some at a time, so that a server that records is not kept waiting.
                try store.transaction { () throws(RegistryError) in
                    for _ in 0..<100 {
                        // The file has been read to its end before; one that has changed since ends here.
                        guard let line = try? file.next(), let (episode, steps) = try? EpisodeLine.read(line.bytes.span)
                        else {
                            isAtEnd = true
                            return
                        }
                        try adding.add(episode, steps)
                    }
                }
            }
            guard adding.added + adding.known == lines else {
                throw CommandError(.failure, "\(path) changed while it was read; \(adding.added) episodes were added")
            }
            return (adding.added, adding.known)
        }
        try call.console.write(
            call[EpisodeArgument.json]
                ? ImageArgument.line(["added": .number(.init(added)), "known": .number(.init(known))])
                : "\(counted(added, "episode")) added, \(known) known before\n")
        return .success
    }
}
