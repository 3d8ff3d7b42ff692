import Episodes
import GEM
import Glibc
import Registry

/// What several of the episodes' commands take, and how they get at the file.
enum EpisodeArgument {
    static let file = Option(
        "db", .file, summary: "The file that holds the episodes; by default episodes.db in the data directory")
    static let json = Option.flag("json", summary: "Write JSON")
    static let some = Rest("EPISODE", .integer(1...Int.max, name: "EPISODE"), summary: "The numbers of episodes")

    private static let environment = Option(
        "env", .text("ID"), summary: "Only those of this environment; * stands for any letters")
    private static let since = Option("since", .moment, summary: "Only those that began then or later")
    private static let until = Option("until", .moment, summary: "Only those that began earlier")
    private static let minimumReturn = Option(
        "min-return", .number(-1e308...1e308), summary: "Only those with this return or more")
    private static let maximumReturn = Option(
        "max-return", .number(-1e308...1e308), summary: "Only those with this return or less")
    private static let ending = Option(
        "ending", .choice(RecordedEpisode.Ending.allCases.map(\.rawValue)), summary: "Only those that ended so")

    /// Where the file is.
    static let place: [any CommandOption] = [file, ServerSettings.dataDirectory]
    /// Which episodes are meant.
    static let filters: [any CommandOption] = [environment, since, until, minimumReturn, maximumReturn, ending]

    /// Which episodes `call` means.
    static func query(_ call: Invocation) -> EpisodeQuery {
        var query = EpisodeQuery()
        query.environment = call[environment]
        query.since = call[since]
        query.until = call[until]
        query.minimumTotal = call[minimumReturn]
        query.maximumTotal = call[maximumReturn]
        query.endings = call[ending].flatMap(RecordedEpisode.Ending.init(rawValue:)).map { [$0] } ?? []
        return query
    }

    /// Whether `call` says anything about which episodes it means.
    static func hasFilter(_ call: Invocation) -> Bool { filters.contains { call.names($0) } }

    /// Runs `body` with the file that `call` names, on a thread that may block.
    static func use<Value: Sendable>(
        _ call: Invocation, writing: Bool = false, _ body: @escaping @Sendable (EpisodeStore) throws -> Value
    ) async throws -> Value {
        let path = try call[file] ?? ServerSettings.dataDirectory(call) + "/episodes.db"
        return try await ImageArgument.blocking {
            if !writing, access(path, F_OK) != 0 {
                throw CommandError(
                    .notFound, "there is no file \(path)",
                    hint:
                        "episodes are recorded where 'make' says record: true, or the configuration episodes: {record: true}"
                )
            }
            do {
                return try body(try EpisodeStore(path: path, access: writing ? .readWrite : .readOnly))
            } catch let error as RegistryError {
                throw CommandError(.failure, error.message)
            }
        }
    }

    /// The episode called `id`.
    ///
    /// - Throws: ``CommandError`` where there is none.
    static func episode(_ id: Int, in store: EpisodeStore) throws -> RecordedEpisode {
        guard let episode = try store.episode(RecordedEpisode.ID(id)) else {
            throw CommandError(.notFound, "there is no episode \(id) in \(store.path)")
        }
        return episode
    }

    /// `time` for people.
    static func text(_ time: Timestamp) -> String { TimeFormat(zone: .utc).text(time) }

    /// From where an episode's stream came, in a few words.
    static func text(_ start: RecordedEpisode.Start) -> String {
        switch start {
        case .seed(let seed): "seed \(seed)"
        case .after(let previous, _): previous.map { "after \($0)" } ?? "after one that is not here"
        case .state(_, let isReset, _): isReset ? "a saved state" : "a saved state in mid-episode"
        }
    }
}

extension ValueKind where Value == Timestamp {
    /// A moment: a date, a date and a time of UTC, or how long ago.
    static let moment = Self(name: "TIME") { text throws(ValueError) in
        if let time = Timestamp(text) { return time }
        guard let ago = try? ValueKind<Duration>.time.read(text) else {
            throw ValueError(
                complaint: "neither a time such as 2026-01-31 or 2026-01-31T18:30 nor one ago such as 2h or 7d")
        }
        return Timestamp.now().advanced(bySeconds: -ago.components.seconds)
    } show: {
        EpisodeArgument.text($0)
    }
}

extension Timestamp {
    /// Reads `2026-01-31`, `2026-01-31T18:30` or `2026-01-31T18:30:15`, of UTC, with or without a `Z`.
    fileprivate init?(_ text: String) {
        guard let parts = text.wholeMatch(of: /(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?Z?)?/)?.output
        else { return nil }
        let number = { (part: Substring?) in part.flatMap { Int($0) } ?? 0 }
        let date = CalendarDate(year: number(parts.1), month: number(parts.2), day: number(parts.3))
        let (hour, minute, second) = (number(parts.4), number(parts.5), number(parts.6))
        // The 31st of a month that has none is no date.
        guard 1...12 ~= date.month, CalendarDate(daysSince1970: date.daysSince1970) == date, hour < 24, minute < 60,
            second < 60
        else { return nil }
        self.init(seconds: Int64(date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second))
    }
}
