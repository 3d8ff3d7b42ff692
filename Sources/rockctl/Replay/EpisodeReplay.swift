import Episodes
import GEM

/// Plays a stretch of recorded episodes again and compares.
struct EpisodeReplay: Sendable {
    let library: EpisodeLibrary
    /// What is to be drawn each turn, if anything.
    let picture: RenderMode?
    /// Whether every turn is waited for, rather than many played in one message.
    let isPaced: Bool
    /// Is told what happens in the wanted episodes; it waits as long as a turn is to be looked at.
    let report: @Sendable (EpisodeEvent, RecordedStep?) async throws -> Void

    /// What became of one wanted episode.
    enum Outcome: Sendable {
        case same(RecordedEpisode)
        case different(ReplayDifference)
        /// An earlier one went another way, or it cannot be played here.
        case unplayed(RecordedEpisode, reason: String)
    }

    /// Plays the stretch in a sandbox of its own.
    ///
    /// - Returns: What became of each wanted episode, in order.
    /// - Throws: ``CommandError`` where the server fails; `CancellationError`.
    func play(_ stretch: EpisodeStretch, _ client: RPCClient) async throws -> [Outcome] {
        if let reason = stretch.missing { return stretch.wanted.map { .unplayed($0, reason: reason) } }
        let first = stretch.before.first ?? stretch.wanted[0]
        let sandbox: ReplaySandbox
        do { sandbox = try await ReplaySandbox(first, client) } catch let error as CommandError
            where error.code != .unreachable
        {
            return stretch.wanted.map { .unplayed($0, reason: error.what) }
        }
        do {
            let outcomes = try await play(stretch, in: sandbox)
            await sandbox.close()
            return outcomes
        } catch {
            await sandbox.close()
            throw error
        }
    }

    private func play(_ stretch: EpisodeStretch, in sandbox: ReplaySandbox) async throws -> [Outcome] {
        var outcomes: [Outcome] = []
        var state = Position()
        var reason: String?
        for (place, episode) in (stretch.before + stretch.wanted).enumerated() {
            try Task.checkCancellation()
            let isWanted = place >= stretch.before.count
            if let reason {
                if isWanted { outcomes.append(.unplayed(episode, reason: reason)) }
                continue
            }
            let difference = try await play(episode, in: sandbox, &state, isShown: isWanted)
            if let difference { reason = "episode \(difference.episode), which it goes on from, differs" }
            switch difference {
            case let difference? where isWanted: outcomes.append(.different(difference))
            case nil where isWanted: outcomes.append(.same(episode))
            default: break
            }
        }
        return outcomes
    }

    /// What the sandbox has shown beyond the episode that was played.
    private struct Position {
        /// The first observation of an episode that the last step of the one before has begun.
        var begun: (observation: String, info: JSON)?
    }

    // MARK: - One episode

    private func play(
        _ recorded: RecordedEpisode, in sandbox: ReplaySandbox, _ position: inout Position, isShown: Bool
    ) async throws -> ReplayDifference? {
        let steps = try library.steps(of: recorded.id)
        let episode = Episode(number: Int(recorded.id), seed: recorded.seed)
        var comparison = ReplayComparison(recorded)
        var result = EpisodeResult(episode)
        if comparison.difference == nil {
            try await begin(recorded, episode, in: sandbox, &position, isShown: isShown, &comparison)
        }
        var rest = steps[...]
        while !rest.isEmpty, comparison.difference == nil {
            try Task.checkCancellation()
            let group = isPaced && isShown ? rest.prefix(1) : Self.group(rest)
            rest = rest.dropFirst(group.count)
            var calls: [RPCClient.Call] = []
            for step in group {
                calls += repeatElement(sandbox.sample, count: step.draws)
                calls.append(sandbox.step(step.action))
            }
            if isShown, let picture { calls.append(sandbox.render(picture)) }
            var answers = try await Self.answers(to: calls, in: sandbox)[...]
            for step in group {
                answers = answers.dropFirst(step.draws)
                guard let answer = answers.popFirst() else { break }
                switch answer {
                case .failure(let failure): comparison.fail(failure, atStep: result.length + 1)
                case .success(let json):
                    guard let turn = Self.turn(json, step, number: result.length + 1, in: sandbox, &position) else {
                        throw CommandError(.failure, "the answer to step \(result.length + 1) lacks a field")
                    }
                    comparison.add(turn, recorded: step)
                    result.add(turn)
                    if isShown {
                        try await report(.step(episode, turn, picture: Self.picture(answers.last, sandbox)), step)
                    }
                }
                if comparison.difference != nil { break }
            }
        }
        comparison.end(steps)
        if isShown { try await report(.end(result), nil) }
        return comparison.difference
    }

    private func begin(
        _ recorded: RecordedEpisode, _ episode: Episode, in sandbox: ReplaySandbox, _ position: inout Position,
        isShown: Bool, _ comparison: inout ReplayComparison
    ) async throws {
        var calls: [RPCClient.Call] = []
        var isReset = true
        switch recorded.start {
        case .seed(let seed): calls = [sandbox.reset(seed)]
        case .after(_, let draws):
            calls = Array(repeating: sandbox.sample, count: draws)
            if position.begun == nil { calls.append(sandbox.reset(nil)) }
        case .state(_, isReset: true, let draws):
            calls = Array(repeating: sandbox.sample, count: draws) + [sandbox.reset(nil)]
        case .state(_, isReset: false, _): isReset = false
        }
        if isShown, let picture { calls.append(sandbox.render(picture)) }
        let answers = try await Self.answers(to: calls, in: sandbox)
        let shown: (observation: String, info: JSON)
        if let begun = position.begun, case .after = recorded.start {
            shown = begun
            position.begun = nil
        } else if isReset {
            let place = answers.count - (isShown && picture != nil ? 2 : 1)
            switch answers[place] {
            case .failure(let failure): return comparison.fail(failure, atStep: 0)
            case .success(let result):
                shown = (
                    sandbox.field("observation", of: result)?.string ?? "", sandbox.field("info", of: result) ?? [:]
                )
            }
        } else {
            shown = ("", [:])
        }
        if isReset { comparison.begin(shown.observation) }
        guard isShown else { return }
        try await report(
            .reset(
                episode, observation: .string(shown.observation), info: shown.info,
                picture: Self.picture(answers.last, sandbox)), nil)
    }

    // MARK: - Messages

    /// As many of `steps` as one message takes.
    private static func group(_ steps: ArraySlice<RecordedStep>) -> ArraySlice<RecordedStep> {
        var (calls, bytes) = (0, 0)
        return steps.prefix { step in
            // The first always goes.
            let isFirst = calls == 0
            calls += step.draws + 1
            bytes += step.action.utf8.count
            return isFirst || calls <= mostCalls && bytes <= 1 << 20
        }
    }

    /// Calls in one message.
    private static let mostCalls = 128

    /// Carries out `calls`, however many; after a failure of one the others still come.
    private static func answers(
        to calls: [RPCClient.Call], in sandbox: ReplaySandbox
    ) async throws -> [Result<JSON, Failure>] {
        var answers: [Result<JSON, Failure>] = []
        var rest = calls[...]
        while !rest.isEmpty {
            answers += try await sandbox.outcomes(of: Array(rest.prefix(mostCalls)))
            rest = rest.dropFirst(mostCalls)
        }
        return answers
    }

    /// The turn that `result` tells of; where it has begun the next episode, `position` keeps that.
    private static func turn(
        _ result: JSON, _ step: RecordedStep, number: Int, in sandbox: ReplaySandbox, _ position: inout Position
    ) -> Turn? {
        var fields = JSON.Object()
        for name in ["observation", "reward", "terminated", "truncated", "info"] {
            fields[name] = sandbox.field(name, of: result)
        }
        if sandbox.restartsItself, fields["terminated"]?.bool == true || fields["truncated"]?.bool == true {
            guard let observation = fields["observation"]?.string, let info = fields["info"],
                let last = info["final_observation"]
            else { return nil }
            position.begun = (observation, info)
            fields["observation"] = last
            fields["info"] = info["final_info"] ?? [:]
        }
        return Turn(number: number, action: step.action, result: .object(fields))
    }

    /// The drawing that the last call of a message asked for.
    private static func picture(_ answer: Result<JSON, Failure>?, _ sandbox: ReplaySandbox) -> String? {
        guard case .success(let result)? = answer else { return nil }
        return sandbox.field("text", of: result)?.string
    }
}
