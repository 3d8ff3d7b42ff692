import GEM

extension Check {
    static let instances = Check(
        name: "instances", summary: "Two environments do not influence each other"
    ) { subject in
        let scripts = subject.scripts(2)
        guard let mine = scripts.first, let theirs = scripts.last else {
            throw CheckOmission(reason: "there is no episode")
        }
        let (one, other) = (try await subject.make(), try await subject.make())
        let alone = try await one.play(mine)
        // Turn by turn beside a neighbour, which plays, writes garbage and is closed.
        let start = try await one.attempt(one.reset(mine.seed))
        _ = try await other.attempt(other.reset(theirs.seed))
        var turns: [CheckAnswer] = []
        for (number, action) in mine.actions.enumerated() where !(turns.last?.endsEpisode ?? false) {
            let noise = number % 3 == 2 ? "" : theirs.actions[number % theirs.actions.count]
            let answers = try await one.client.attempts([
                other.step(noise), one.step(action), number % 5 == 4 ? other.reset(nil) : other.step(action),
            ])
            turns.append(answers[1])
            if number == mine.actions.count / 2 { _ = try await other.call("close") }
        }
        try alone.expectSame(CheckEpisode(script: mine, start: start, turns: turns), "beside another instance")
        return "\(turns.count) turns beside a neighbour; " + (try await vector(subject, alone.script))
    }

    /// Several environments in one sandbox: each plays what it plays alone.
    private static func vector(_ subject: CheckSubject, _ script: CheckScript) async throws -> String {
        let count = 4
        let made = try await subject.attemptMake(["num_envs": .number(JSON.Number(count)), "autoreset": "disabled"])
        guard case .success(let vector) = made else { return "num_envs is not taken" }
        let alone = try await subject.make()
        guard let seed = script.seed, seed <= Seed.max - Seed(count) else { return "no vector with the last seeds" }
        let all = try await vector.client.attempts(
            [vector.reset(seed)]
                + script.actions.map { action in
                    .init(
                        "step",
                        [
                            "sandbox_id": vector.id,
                            "actions": .array([JSON](repeating: .string(action), count: count)),
                        ])
                })
        for index in 0..<count {
            let own = CheckScript(seed: seed + Seed(index), actions: script.actions)
            let episode = try await alone.play(own)
            let answers = [episode.start] + episode.turns
            for (turn, (single, many)) in zip(answers, all).enumerated() {
                // Once another of them has ended, the call for all is refused.
                guard case .success(let many) = many else { break }
                var picked = JSON.Object()
                for (name, value) in many.object?.members ?? [] { picked[name] = value[index] ?? .null }
                if let difference = single.difference(from: .success(.object(picked))) {
                    throw CheckFault(
                        "Environment \(index) of \(count) differs from a single one: \(difference).", own.prefix(turn))
                }
            }
        }
        return "\(count) in one sandbox as \(count) alone"
    }

    /// How many clients play at a time.
    private static let clients = 32

    static let load = Check(
        name: "load", summary: "32 clients at a time get what each would get alone"
    ) { subject in
        let sandbox = try await subject.make()
        var expected: [CheckEpisode] = []
        let turns = subject.episodes < 100 ? 16 : CheckSubject.mostTurns
        for script in subject.scripts(8) { expected.append(try await sandbox.play(script.prefix(turns))) }
        guard !expected.isEmpty else { throw CheckOmission(reason: "there is no episode") }
        let rounds = max(1, min(8, subject.episodes / clients))
        let start = ContinuousClock.now
        let steps = try await together(subject, expected, rounds)
        let seconds = start.duration(to: .now) / .seconds(1)
        try await shared(sandbox, expected[0].script)
        return "\(steps) steps in \(clients) sandboxes, \(number((Double(steps) / seconds).rounded())) a second; "
            + "\(clients) at once in one sandbox"
    }

    /// Each client plays the episodes in `known`, beginning with another of them; how many steps that are.
    private static func together(_ subject: CheckSubject, _ known: [CheckEpisode], _ rounds: Int) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for client in 0..<clients {
                group.addTask {
                    let sandbox = try await subject.make()
                    var steps = 0
                    for round in 0..<rounds {
                        steps += try await repeated(known[(client + round) % known.count], in: sandbox)
                    }
                    return steps
                }
            }
            return try await group.reduce(0, +)
        }
    }

    /// Plays `known` again with a message for each turn, as a trainer does.
    private static func repeated(_ known: CheckEpisode, in sandbox: CheckedSandbox) async throws -> Int {
        let start = try await sandbox.attempt(sandbox.reset(known.script.seed))
        var turns: [CheckAnswer] = []
        for action in known.played.actions { turns.append(try await sandbox.attempt(sandbox.step(action))) }
        try known.expectSame(CheckEpisode(script: known.script, start: start, turns: turns), "under load")
        return turns.count
    }

    /// Steps of many clients for one sandbox: each is one turn, in whatever order they come.
    private static func shared(_ sandbox: CheckedSandbox, _ script: CheckScript) async throws {
        let action = script.actions.first ?? ""
        let same = CheckScript(seed: script.seed, actions: [String](repeating: action, count: clients))
        let alone = try await sandbox.play(same)
        try (try await sandbox.attempt(sandbox.reset(same.seed))).expectStart(same)
        let answers = try await withThrowingTaskGroup(of: CheckAnswer.self) { group in
            for _ in 0..<clients { group.addTask { try await sandbox.attempt(sandbox.step(action)) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let text = { (answer: CheckAnswer) in
            answer.failure?.kind.rawValue ?? String(decoding: (answer.json ?? .null).serialized, as: UTF8.self)
        }
        let missing = clients - alone.turns.count
        let expected = alone.turns.map(text) + [String](repeating: "episode_ended", count: max(0, missing))
        guard answers.map(text).sorted() == expected.sorted() else {
            throw CheckFault(
                "\(clients) steps at once in one sandbox are not \(alone.turns.count) turns in a row.", same)
        }
    }
}
