import Synchronization

/// The board of one environment, redrawn where it stands.
final class LiveBoard: Sendable {
    private let title: String
    /// How many rows the drawing on the screen has, and the sum of the rewards shown with it.
    private let state = Mutex((rows: 0, total: 0.0))

    init(title: String) { self.title = title }

    func show(_ event: EpisodeEvent, on console: Console) throws {
        switch event {
        case .reset(let episode, _, _, let picture):
            state.withLock { $0.total = 0 }
            try draw(episode, turn: nil, picture ?? "", on: console)
        case .step(let episode, let turn, let picture):
            state.withLock { $0.total += turn.reward }
            try draw(episode, turn: turn, picture ?? "", on: console)
        case .end(let result):
            let line =
                "episode \(result.episode.number)  \(EpisodeReport.ending(result)) after \(result.length) turns, "
                + "return \(number(result.total))\(result.episode.seed.map { ", seed \($0)" } ?? "")"
            // The last board stays above the line.
            state.withLock { $0.rows = 0 }
            try console.write(console.style.paint(line, .strong) + "\n")
        }
    }

    private func draw(_ episode: Episode, turn: Turn?, _ picture: String, on console: Console) throws {
        let total = state.withLock(\.total)
        let head = "\(title)  episode \(episode.number)" + (episode.seed.map { "  seed \($0)" } ?? "")
        let foot =
            turn.map { "turn \($0.number)  \(printable($0.action, limit: 30))  reward \(number($0.reward))" }
            ?? "turn 0"
        try replace(
            with: "\(console.style.paint(head, .strong))\n\n\(picture)\n\(foot)  return \(number(total))\n", on: console
        )
    }

    /// Puts `text` over what was drawn last.
    private func replace(with text: String, on console: Console) throws {
        // A drawing higher than the screen scrolls; then only its lower part can be drawn over.
        let room = (console.size?.rows ?? 24) - 1
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        let shown = lines.suffix(room)
        let rows = state.withLock { state in
            defer { state.rows = shown.count }
            return state.rows
        }
        let up = rows > 0 ? "\u{1B}[\(rows)F" : ""
        try console.write(up + "\u{1B}[J" + shown.map { $0 + "\n" }.joined())
    }
}

/// How far several sandboxes have come, on one line that is redrawn at most ten times a second.
final class LiveCount: Sendable {
    private let episodes: Int
    private let state = Mutex((episodes: 0, steps: 0, shownAt: ContinuousClock.now))

    init(episodes: Int) { self.episodes = episodes }

    func show(_ event: EpisodeEvent, on console: Console) throws {
        let line: String? = state.withLock { state in
            switch event {
            case .reset: return nil
            case .step: state.steps += 1
            case .end: state.episodes += 1
            }
            let now = ContinuousClock.now
            let isDone = state.episodes == episodes
            guard isDone || now - state.shownAt >= .milliseconds(100) else { return nil }
            state.shownAt = now
            return "\r\u{1B}[K\(state.episodes) of \(episodes) episodes, \(state.steps) steps" + (isDone ? "\n" : "")
        }
        if let line { try console.write(line) }
    }
}
