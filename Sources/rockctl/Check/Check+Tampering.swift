import GEM
import Glibc

extension Check {
    static let tampering = Check(
        name: "tampering", summary: "Nothing that an agent writes beside its action reaches the reward"
    ) { subject in
        guard let script = subject.scripts(1).first else { throw CheckOmission(reason: "there is no episode") }
        let sandbox = try await subject.make()
        if sandbox.made["isolation"]?["walls"]?["mount_namespace"]?.bool == false {
            throw CheckFault("The sandbox sees this machine's files: the wall mount_namespace does not stand.")
        }
        let honest = try await sandbox.play(script)
        try honest.expectSame(try await play(script, in: sandbox, claiming: claims), "where a client claims more")
        let files = try await EmbeddedServer.withDirectory { folder in
            try await expectFilesUnread(sandbox, folder, script)
        }
        return "\(claims.members.count) members beside the action; \(files) actions that name files of an agent"
    }

    /// What a step answers, claimed by who asks for it, and what a server might keep beside it.
    private static let claims: JSON.Object = [
        "reward": 1, "rewards": [1], "terminated": true, "truncated": true, "done": true,
        "observation": "You have won.",
        "info": ["reward": 1, "success": true], "result": ["reward": 1], "score": 1, "cheat": true, "state": "won",
        "turn": 99,
    ]

    private static func play(
        _ script: CheckScript, in sandbox: CheckedSandbox, claiming claims: JSON.Object
    ) async throws -> CheckEpisode {
        let calls = sandbox.calls(script).map { call in
            var params = call.params.object ?? JSON.Object()
            for (name, value) in claims.members { params[name] = value }
            return RPCClient.Call(call.method, .object(params))
        }
        let answers = try await sandbox.client.attempts(calls)
        let turns = answers.dropFirst()
        let end = turns.firstIndex { $0.endsEpisode }
        return CheckEpisode(
            script: script, start: answers[0], turns: Array(end.map { turns[...$0] } ?? turns))
    }

    /// Actions that name files of this machine are answered alike before the files are there and after; a file that holds
    /// what would be a reward changes nothing.
    private static func expectFilesUnread(
        _ sandbox: CheckedSandbox, _ folder: String, _ script: CheckScript
    ) async throws -> Int {
        chmod(folder, 0o755)
        let names = ["reward", "result.json", "answer.txt"]
        let paths = names.map { "\(folder)/\($0)" }
        let actions = paths.flatMap { path in
            [path, #"\boxed{\#(path)}"#, "file://\(path)", "$(cat \(path))", "@\(path)"]
        }
        let all = { () async throws -> [CheckAnswer] in
            var answers: [CheckAnswer] = []
            for action in actions {
                answers += try await sandbox.client.attempts([sandbox.reset(script.seed), sandbox.step(action)])
            }
            return answers
        }
        let before = try await all()
        for path in paths { try write(#"{"reward": 1, "terminated": true}"#, to: path) }
        let after = try await all()
        for (number, (one, other)) in zip(before, after).enumerated() {
            guard let difference = one.difference(from: other) else { continue }
            throw CheckFault(
                "A file that the action names is read: \(difference).",
                CheckScript(seed: script.seed, actions: [actions[number / 2]]))
        }
        return actions.count
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "we") else {
            throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        fputs(text, file)
        fchmod(fileno(file), 0o644)
        fclose(file)
    }
}
