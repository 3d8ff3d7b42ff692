import GEM

extension Check {
    static let end = Check(
        name: "end", summary: "A step after the end is refused and changes nothing; a reset goes on"
    ) { subject in
        let sandbox = try await subject.make()
        for script in subject.scripts(16) {
            let episode = try await sandbox.play(script)
            guard episode.hasEnded else { continue }
            let before = try await sandbox.call("status").json?["episode"]
            for action in [script.actions.last ?? "", "", #"\boxed{"#] {
                let answer = try await sandbox.attempt(sandbox.step(action))
                guard answer.failure?.kind == .episodeEnded else {
                    let what = answer.failure.map { "refused as \($0.kind.rawValue)" } ?? "answered"
                    throw CheckFault("A step after the end is \(what), not refused as episode_ended.", episode.played)
                }
            }
            guard try await sandbox.call("status").json?["episode"] == before else {
                throw CheckFault("A refused step after the end changes what status says.", episode.played)
            }
            try (try await sandbox.play(script)).expectSame(episode, "after steps behind the end")
            return "3 steps behind turn \(episode.turns.count), then the same episode again"
        }
        throw CheckOmission(reason: "no episode ended within \(CheckSubject.mostTurns) turns")
    }

    static let rewards = Check(
        name: "rewards", summary: "Every reward is a finite number in the declared range"
    ) { subject in
        guard let range = subject.rewardRange else { throw CheckOmission(reason: "the spec declares no reward_range") }
        var (least, most, turns) = (Double.infinity, -Double.infinity, 0)
        for episode in subject.samples {
            for (number, turn) in episode.turns.enumerated() {
                guard let reward = turn.reward else { continue }
                try expect(reward, in: range, episode.script.prefix(number + 1))
                (least, most, turns) = (min(least, reward), max(most, reward), turns + 1)
            }
        }
        let sandbox = try await subject.make()
        for script in subject.scripts(4) {
            for text in ["", "no action", String(repeating: "a", count: 10_000)] {
                var script = script.prefix(script.actions.count / 2)
                script.actions.append(text)
                for (number, turn) in try await sandbox.play(script).turns.enumerated() {
                    if let reward = turn.reward { try expect(reward, in: range, script.prefix(number + 1)) }
                }
            }
        }
        return "\(turns) turns pay \(number(least)) to \(number(most)), declared \(number(range.lowerBound)) to "
            + number(range.upperBound)
    }

    private static func expect(_ reward: Double, in range: ClosedRange<Double>, _ script: CheckScript) throws {
        // A sum of shares may miss its end by a rounding.
        guard range.lowerBound - 1e-9...range.upperBound + 1e-9 ~= reward else {
            throw CheckFault(
                "Turn \(script.actions.count) pays \(reward), outside the declared \(range.lowerBound) to \(range.upperBound).",
                script)
        }
    }

    static let endings = Check(
        name: "endings", summary: "terminated and truncated come when they should, and status agrees"
    ) { subject in
        let limit = subject.spec["max_turns"]?.int
        var (terminated, truncated, endless) = (0, 0, 0)
        for episode in subject.samples {
            let count = episode.turns.count
            let isTruncated = episode.turns.last?.json?["truncated"]?.bool == true
            if episode.turns.last?.json?["terminated"]?.bool == true { terminated += 1 }
            if isTruncated { truncated += 1 }
            if !episode.hasEnded { endless += 1 }
            guard let limit else { continue }
            if isTruncated, count < limit {
                throw CheckFault("Turn \(count) is truncated, before the limit of \(limit) turns.", episode.played)
            }
            if count > limit || count == limit && !episode.hasEnded {
                throw CheckFault(
                    "Turn \(limit) is the last, and does not end the episode.", episode.script.prefix(limit))
            }
        }
        try await expectStatus(subject)
        try await expectOneTurn(subject)
        return "\(subject.samples.count) episodes: \(terminated) terminated, \(truncated) truncated"
            + (endless > 0 ? ", \(endless) without an end in \(CheckSubject.mostTurns) turns" : "")
    }

    /// The server's account of an episode is that of its turns.
    private static func expectStatus(_ subject: CheckSubject) async throws {
        let sandbox = try await subject.make()
        for script in subject.scripts(4) {
            let episode = try await sandbox.play(script)
            guard let status = try await sandbox.call("status").json?["episode"] else { return }
            let state = episode.hasEnded ? "ended" : "running"
            guard status["state"]?.string == state, status["turn"]?.int == episode.turns.count,
                let sum = status["cumulative_reward"]?.double, abs(sum - episode.total) < 1e-9
            else {
                throw CheckFault(
                    "status says \(String(decoding: status.serialized, as: UTF8.self)) after \(episode.turns.count) turns that "
                        + "pay \(episode.total); the episode is \(state).", episode.played)
            }
        }
    }

    /// Where the limit can be set, one of a single turn ends the episode with it.
    private static func expectOneTurn(_ subject: CheckSubject) async throws {
        let arguments = subject.spec["kwargs"]?.array?.compactMap { $0["name"]?.string } ?? []
        guard subject.spec["max_turns"]?.int != nil, arguments.contains("max_turns") else { return }
        let sandbox = try await subject.make(["kwargs": ["max_turns": 1]])
        for script in subject.scripts(4) {
            guard try await sandbox.play(script.prefix(1)).hasEnded else {
                throw CheckFault("With max_turns 1 the first turn does not end the episode.", script.prefix(1))
            }
        }
    }
}
