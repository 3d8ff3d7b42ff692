import GEM
import Synchronization

/// What `env run` shows while it runs.
enum EpisodeReport: Sendable {
    /// Nothing.
    case quiet
    /// A line for each turn, for people.
    case lines
    /// An object on a line of its own for everything that happens, for programs.
    case json
    /// The board of one sandbox, redrawn in place.
    case board(LiveBoard)
    /// A count, redrawn in place, where several sandboxes play at a time.
    case count(LiveCount)

    /// Shows `event`. A reader that takes nothing holds up the episodes, which is what a pipe is for.
    func show(_ event: EpisodeEvent, on console: Console) throws {
        switch self {
        case .quiet: break
        case .lines: if let line = Self.line(for: event, console.style) { try console.write(line) }
        case .json: try console.write(bytes: Self.object(for: event).serialized + [0x0A])
        case .board(let board): try board.show(event, on: console)
        case .count(let count): try count.show(event, on: console)
        }
    }

    private static func line(for event: EpisodeEvent, _ style: Style) -> String? {
        switch event {
        case .reset: nil
        case .step(let episode, let turn, _):
            "episode \(episode.number)  turn \(turn.number)  reward \(number(turn.reward))  \(printable(turn.action))\n"
        case .end(let result):
            style.paint(
                "episode \(result.episode.number)  \(ending(result)) after \(result.length) turns, "
                    + "return \(number(result.total))\(result.episode.seed.map { ", seed \($0)" } ?? "")\n", .strong)
        }
    }

    /// How an episode ended, in a word or two.
    static func ending(_ result: EpisodeResult) -> String {
        result.truncated ? "truncated" : result.terminated ? "terminated" : "left"
    }

    private static func object(for event: EpisodeEvent) -> JSON {
        switch event {
        case .reset(let episode, let observation, let info, _):
            return [
                "event": "reset", "episode": .number(JSON.Number(episode.number)), "seed": seed(episode),
                "observation": observation, "info": info,
            ]
        case .step(let episode, let turn, _):
            return [
                "event": "step", "episode": .number(JSON.Number(episode.number)),
                "turn": .number(JSON.Number(turn.number)), "action": .string(turn.action),
                "observation": turn.observation, "reward": double(turn.reward), "terminated": .bool(turn.terminated),
                "truncated": .bool(turn.truncated), "info": turn.info,
            ]
        case .end(let result):
            return [
                "event": "episode", "episode": .number(JSON.Number(result.episode.number)),
                "seed": seed(result.episode), "return": double(result.total),
                "length": .number(JSON.Number(result.length)), "terminated": .bool(result.terminated),
                "truncated": .bool(result.truncated),
            ]
        }
    }

    private static func seed(_ episode: Episode) -> JSON { episode.seed.map { .number(JSON.Number(Int($0))) } ?? .null }
}

/// `value` as JSON; `null` where it is not finite.
func double(_ value: Double) -> JSON { JSON.Number(value).map(JSON.number) ?? .null }

/// `value` with at most four digits behind the point, and without zeros at its end.
func number(_ value: Double) -> String {
    guard value.magnitude < 1e14 else { return "\(value)" }
    let scaled = Int((value.magnitude * 10_000).rounded())
    var text = String(scaled / 10_000)
    var fraction = String(scaled % 10_000 + 10_000).dropFirst()
    while fraction.last == "0" { fraction = fraction.dropLast() }
    if !fraction.isEmpty { text += "." + fraction }
    return (value < 0 && scaled > 0 ? "-" : "") + text
}

/// `text` on one line, at most `limit` characters long, without anything that moves a cursor.
func printable(_ text: String, limit: Int = 60) -> String {
    let scalars = text.unicodeScalars.prefix(limit).map { scalar in
        scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value ? "?" as Unicode.Scalar : scalar
    }
    return String(String.UnicodeScalarView(scalars)) + (text.unicodeScalars.count > limit ? "…" : "")
}
