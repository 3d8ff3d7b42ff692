import GEM

extension Check {
    static let state = Check(
        name: "state", summary: "What save, restore and fork continue is the same episode"
    ) { subject in
        let (original, copy) = (try await subject.make(), try await subject.make())
        let scripts = subject.scripts(3)
        var bytes = 0
        for script in scripts {
            let half = script.actions.count / 2
            _ = try await original.play(script.prefix(half))
            let state = try await savedState(original, script.prefix(half))
            bytes = max(bytes, state.utf8.count)
            let forks = try await fork(original, subject, script.prefix(half))
            try await expectDamageRefused(copy, state, script.prefix(half))
            if let failure = try await copy.call("restore", ["state": .string(state)]).failure {
                throw CheckFault("restore refuses what save answered: \(failure.shown).", script.prefix(half))
            }
            // What one fork does is nothing to the others.
            _ = try await forks[0].go(on: ["", "no action"])
            let rest = script.actions[half...]
            let expected = try await continuation(original, rest)
            for (sandbox, what) in [(copy, "restored"), (forks[1], "forked"), (forks[2], "forked twice")] {
                let turns = try await continuation(sandbox, rest)
                for (number, (one, other)) in zip(expected, turns).enumerated() {
                    guard let difference = one.difference(from: other) else { continue }
                    throw CheckFault(
                        "Saved after \(half) turns and \(what), answer \(number + 1) differs: \(difference).", script)
                }
            }
        }
        return "\(scripts.count) episodes saved in the middle, restored, forked thrice; at most \(bytes) bytes"
    }

    /// The rest of an episode, and then the beginning of the next, which the random stream decides.
    private static func continuation(
        _ sandbox: CheckedSandbox, _ rest: ArraySlice<String>
    ) async throws -> [CheckAnswer] {
        let turns = try await sandbox.go(on: rest)
        return turns + [try await sandbox.attempt(sandbox.reset(nil))]
    }

    private static func savedState(_ sandbox: CheckedSandbox, _ script: CheckScript) async throws -> String {
        let (first, second) = (try await sandbox.call("save"), try await sandbox.call("save"))
        if let failure = first.failure, [.invalidRequest, .methodNotFound].contains(failure.kind) {
            throw CheckOmission(reason: "it cannot be saved")
        }
        guard let state = first.json?["state"]?.string else {
            throw CheckFault("save answers no state: \(first.failure?.shown ?? "").", script)
        }
        guard second.json?["state"]?.string == state else {
            throw CheckFault("save answers another state the second time: it changes what it saves.", script)
        }
        return state
    }

    private static func fork(
        _ sandbox: CheckedSandbox, _ subject: CheckSubject, _ script: CheckScript
    ) async throws -> [CheckedSandbox] {
        let answer = try await sandbox.call("fork", ["count": 3])
        let forks = (answer.json?["sandbox_ids"]?.array ?? []).map {
            CheckedSandbox(client: sandbox.client, id: $0, made: [:])
        }
        for fork in forks { subject.keep(fork) }
        guard forks.count == 3 else {
            throw CheckFault("fork does not make 3 sandboxes: \(answer.failure?.shown ?? "").", script)
        }
        return forks
    }

    /// A state with one character changed, or cut short, is refused by name.
    private static func expectDamageRefused(
        _ sandbox: CheckedSandbox, _ state: String, _ script: CheckScript
    ) async throws {
        let middle = state.index(state.startIndex, offsetBy: state.count / 2)
        let other: Character = state[middle] == "A" ? "B" : "A"
        let changed = state[..<middle] + String(other) + state[state.index(after: middle)...]
        for damaged in [String(changed), String(state.dropLast(4)), "?"] {
            let answer = try await sandbox.call("restore", ["state": .string(damaged)])
            guard answer.failure?.kind == .invalidState else {
                throw CheckFault(
                    "restore does not refuse a damaged state as invalid_state: \(answer.outcome).", script)
            }
        }
    }
}
