import GEM

extension Check {
    static let sameSeed = Check(
        name: "same-seed", summary: "The same seed and the same actions give the same episode"
    ) { subject in
        let (one, other) = (try await subject.make(), try await subject.make())
        var turns = 0
        for script in subject.scripts(8) {
            let episode = try await one.play(script)
            try episode.expectSame(try await other.play(script), "in another sandbox")
            try episode.expectSame(try await one.play(script), "when it is played again")
            turns += episode.turns.count
        }
        return "\(min(8, subject.samples.count)) seeds, \(turns) turns: in two sandboxes, and again in one"
    }

    static let differentSeeds = Check(
        name: "different-seeds", summary: "Different seeds give different episodes"
    ) { subject in
        let texts = Set(subject.samples.compactMap(\.start.observation))
        if subject.usesSeed, texts.count > 1 {
            return "\(subject.samples.count) seeds, \(texts.count) different first observations"
        }
        let sandbox = try await subject.make()
        for script in subject.scripts(3) {
            var first: CheckEpisode?
            for number in 0..<64 {
                let other = CheckScript(
                    seed: subject.seed &+ Seed(truncatingIfNeeded: number), actions: script.actions)
                let episode = try await sandbox.play(other)
                guard let first else {
                    first = episode
                    continue
                }
                do {
                    try first.expectSame(episode, "with the seed \(other.seed ?? 0)")
                } catch let fault as CheckFault {
                    if subject.usesSeed { return "the first observation is always the same; turns differ" }
                    throw CheckFault("uses_seed is false, but a seed matters. \(fault.message)", other)
                }
            }
        }
        guard !subject.usesSeed else {
            throw CheckFault(
                "64 seeds give the same observations, rewards and endings; an environment that draws nothing says uses_seed: "
                    + "false in its spec.", subject.scripts(1).first)
        }
        return "uses_seed is false: 64 seeds give the same episodes"
    }

    static let reset = Check(
        name: "reset", summary: "A reset begins a new episode at any time, without a close"
    ) { subject in
        guard let script = subject.scripts(1).first, let start = subject.samples.first?.start else {
            throw CheckOmission(reason: "there is no episode")
        }
        let sandbox = try await subject.make()
        let early = try await sandbox.attempt(sandbox.step(script.actions.first ?? ""))
        guard early.failure?.kind == .notReset else {
            throw CheckFault("step before the first reset is not refused as not_reset.")
        }
        var seen = 0
        for count in [0, 1, 2, script.actions.count] {
            _ = try await sandbox.play(script.prefix(count))
            let again = try await sandbox.attempt(sandbox.reset(script.seed))
            if let difference = start.difference(from: again) {
                throw CheckFault("A reset after \(count) turns differs: \(difference).", script.prefix(count))
            }
            seen += 1
        }
        for _ in 0..<2 {
            let unseeded = CheckScript(seed: nil)
            try (try await sandbox.attempt(sandbox.reset(nil))).expectStart(unseeded)
        }
        return "before the first step, in the middle, at the end, twice in a row, without a seed"
    }
}
