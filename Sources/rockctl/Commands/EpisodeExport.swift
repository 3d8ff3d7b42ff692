import Episodes
import GEM
import Glibc
import Transport

private let output = Option("output", letter: "o", .file, summary: "Write to this file, instead of standard output")
private let whole = Option.flag(
    "whole-streams", summary: "Also the episodes that those go on from, so that all can be verified")

extension Command {
    /// `rockctl episodes export`.
    static let episodeExport: Command = .init(
        "export", summary: "Write episodes as JSON, one a line",
        discussion: """
            Without numbers and filters these are all. An episode that was begun without a seed goes on with the random \
            stream of the one before it, and can be played again only together with that; --whole-streams adds what is needed.
            """,
        options: EpisodeArgument.filters + [whole, output] + EpisodeArgument.place,
        positionals: [EpisodeArgument.some],
        examples: [
            .init("rockctl episodes export --env 'game:Sokoban*' -o sokoban.jsonl", "For a data set."),
            .init("rockctl episodes export 17 --whole-streams", "One, so that others can verify it."),
        ]
    ) { call in
        let (numbers, query) = (call[EpisodeArgument.some], EpisodeArgument.query(call))
        let (isWhole, path, console) = (call[whole], call[output], call.console)
        try await EpisodeArgument.use(call) { store in
            let file = try path.map { try OutputFile($0) }
            var written: Set<RecordedEpisode.ID> = []
            func write(_ episode: RecordedEpisode) throws {
                // What it goes on from comes first.
                var chain = [episode]
                while isWhole, let previous = try chain.last?.previous.flatMap({ try store.episode($0) }),
                    !written.contains(previous.id)
                {
                    chain.append(previous)
                }
                for episode in chain.reversed() where written.insert(episode.id).inserted {
                    let line = EpisodeLine.write(episode, try store.steps(of: episode.id)) + [0x0A]
                    if let file { try file.write(line) } else { try console.write(bytes: line) }
                }
            }
            for number in numbers { try write(try EpisodeArgument.episode(number, in: store)) }
            guard numbers.isEmpty else { return }
            // Page by page: nothing keeps a server from writing meanwhile.
            var query = query
            while case let page = try store.episodes(query, limit: 500), let last = page.last {
                for episode in page { try write(episode) }
                query.behind = last.id
            }
        }
        return .success
    }
}

/// A file that is written from its beginning.
private final class OutputFile {
    private let descriptor: Int32
    private let path: String

    /// - Throws: ``CommandError`` where it cannot be made.
    init(_ path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        self.path = path
        guard descriptor >= 0 else {
            throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }
}
