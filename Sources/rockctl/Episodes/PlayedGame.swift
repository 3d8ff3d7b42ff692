import GEM

/// An environment that a person plays.
struct PlayedGame {
    let id: String
    let seed: Seed?
    let sandbox: EnvironmentClient
    let console: Console

    private static let directions: [Key: String] = [.up: "up", .down: "down", .left: "left", .right: "right"]

    /// Whether actions are the four directions, so that keys can stand for them.
    var isMovedByDirections: Bool {
        guard let form = sandbox.spec["action_grammar"]?.string, form.hasPrefix("\\boxed{"), form.hasSuffix("}") else {
            return false
        }
        let words = form.dropFirst("\\boxed{".count).dropLast().split(separator: "|").map(String.init)
        return Set(words) == Set(Self.directions.values)
    }

    // MARK: Keys

    /// Plays until the person ends it, then leaves a line with the result of the last episode.
    func playWithKeys(_ input: inout StandardInput) async throws {
        let last = try await playScreens(&input)
        try console.write(last + "\n")
    }

    private func playScreens(_ input: inout StandardInput) async throws -> String {
        let screen = try RawMode.enter(console)
        let mode: RenderMode = console.style.isOn ? .ansi : .text
        var episode = 1
        while true {
            let start = try await sandbox.reset(seed: seed(of: episode), picture: mode, proposing: false)
            var picture = start.picture ?? ""
            var result = EpisodeResult(Episode(number: episode, seed: seed(of: episode)))
            var isOver = false
            while true {
                try screen.draw(page(picture, result, isOver: isOver))
                let key = try Key.next(&input)
                if key == .quit { return isOver ? outcome(result) : "\(id)  given up after \(result.length) turns" }
                if key == .again { break }
                guard !isOver, let word = Self.directions[key] else { continue }
                let action = "\\boxed{\(word)}"
                let answer = try await sandbox.step(action, picture: mode, proposing: false)
                guard let turn = Turn(number: result.length + 1, action: action, result: answer.result) else {
                    throw CommandError(.failure, "the answer to step \(result.length + 1) lacks a field")
                }
                result.add(turn)
                picture = answer.picture ?? ""
                isOver = turn.isLast
            }
            episode += 1
        }
    }

    private func page(_ picture: String, _ result: EpisodeResult, isOver: Bool) -> String {
        let limit = sandbox.spec["max_turns"]?.int.map { " of \($0)" } ?? ""
        let head = console.style.paint(id, .strong) + (result.episode.seed.map { "  seed \($0)" } ?? "")
        let state = "turn \(result.length)\(limit)  return \(number(result.total))"
        let foot =
            isOver
            ? "\(console.style.paint(outcome(result), .strong))\nr again   q quit" : "←↑↓→ move   r again   q quit"
        return "\(head)\n\n\(picture)\n\(state)\n\(foot)\n"
    }

    private func outcome(_ result: EpisodeResult) -> String {
        "\(id)  \(EpisodeReport.ending(result)) after \(result.length) turns, return \(number(result.total))"
    }

    private func seed(of episode: Int) -> Seed? { seed.map { $0 &+ Seed(truncatingIfNeeded: episode - 1) } }

    // MARK: Lines

    /// Plays one episode; an empty line or the end of the input gives up.
    func playByLine(_ input: inout StandardInput) async throws {
        let start = try await sandbox.reset(seed: seed, picture: nil, proposing: false)
        try console.write(readable(start.result["observation"]) + "\n")
        var result = EpisodeResult(Episode(number: 1, seed: seed))
        while true {
            try console.write(console.inputIsTerminal ? "> " : "")
            guard case .line(let bytes) = try input.line(limit: 1 << 16), !bytes.isEmpty else {
                try console.write("\(id)  given up after \(result.length) turns\n")
                return
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let action = text.contains("\\boxed{") ? text : "\\boxed{\(text)}"
            let answer = try await sandbox.step(action, picture: nil, proposing: false)
            guard let turn = Turn(number: result.length + 1, action: action, result: answer.result) else {
                throw CommandError(.failure, "the answer to step \(result.length + 1) lacks a field")
            }
            result.add(turn)
            try console.write("\(readable(turn.observation))\nreward \(number(turn.reward))\n")
            if turn.isLast {
                try console.write(console.style.paint(outcome(result), .strong) + "\n")
                return
            }
        }
    }

    /// An observation for a terminal: its lines, without anything else that moves a cursor.
    private func readable(_ observation: JSON?) -> String {
        let lines = (observation?.string ?? "").split(separator: "\n", omittingEmptySubsequences: false)
        return lines.map { printable(String($0), limit: 1000) }.joined(separator: "\n")
    }
}
