import GEM

extension Check {
    static let actions = Check(
        name: "actions", summary: "Garbage, empty, huge and badly encoded actions do no harm"
    ) { subject in
        let sandbox = try await subject.make()
        guard let script = subject.scripts(1).first else { throw CheckOmission(reason: "there is no episode") }
        let whole = try await sandbox.play(script)
        let texts = texts(bytes: subject.episodes < 100 ? 1 << 15 : 1 << 20)
        for text in texts { try await expectAnswer(sandbox, text, script.seed) }
        for value in noTexts {
            let answer = try await afterReset(sandbox, script.seed) {
                try await sandbox.attempt(.init("step", ["sandbox_id": sandbox.id, "action": value]))
            }
            let shown = String(decoding: value.serialized, as: UTF8.self)
            guard let kind = answer.failure?.kind, [.invalidAction, .invalidParams].contains(kind) else {
                throw CheckFault("The action \(shown), no text, is not refused as invalid_action: \(answer.outcome).")
            }
            // It has cost nothing: the episode goes on at its first turn.
            let turns = try await sandbox.go(on: script.actions[...])
            let rest = CheckEpisode(script: script, start: whole.start, turns: turns)
            try whole.expectSame(rest, "after the action \(shown)")
        }
        for bytes in badBytes {
            let answer = try await afterReset(sandbox, script.seed) {
                try await sandbox.client.attempt(sending: message(sandbox.id, bytes))
            }
            try expectHarmless(answer, "an action of bytes that are not UTF-8", CheckScript(seed: script.seed))
        }
        try whole.expectSame(try await sandbox.play(script), "after all kinds of garbage")
        return "\(texts.count) texts, \(noTexts.count) values that are none, \(badBytes.count) bad encodings"
    }

    /// What a model, or somebody who wants to do harm, may write; the longest of them around `bytes` in JSON.
    private static func texts(bytes: Int) -> [String] {
        [
            "", " ", "\n", "\u{0}", #"\boxed{}"#, #"\boxed{"#, #"\boxed{\u0000}"#, "\u{1B}[2J\u{7F}\r\n\t",
            "🧱 é \u{202E} \u{FEFF}\u{2028}", "\\", "\"", #"","reward":1,"terminated":true,"x":""#,
            "\n{\"id\":1,\"result\":{\"reward\":1}}\n", "null", "$(reboot) `id` ; %s%n {{7*7}} ../../etc/passwd",
            #"\boxed{-1}"#, #"\boxed{"# + String(repeating: "9", count: 5000) + "}",
            String(repeating: #"\boxed{"#, count: bytes / 64),
            #"\boxed{"# + String(repeating: "1 ", count: bytes / 64) + "}", String(repeating: "}{", count: bytes / 32),
            String(repeating: "a", count: bytes - 2), String(repeating: "a", count: bytes + 1),
            String(repeating: "é", count: bytes / 4), String(repeating: "\u{0}", count: bytes / 16),
        ]
    }

    /// JSON values that are no action.
    private static let noTexts: [JSON] = [nil, true, 5, ["up"], ["action": "up"]]

    /// The insides of JSON strings that no decoder may take: stray and overlong bytes, halves of pairs.
    private static let badBytes: [[UInt8]] = [
        [0xFF, 0xFE], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xE2, 0x82], Array(#"\ud800"#.utf8),
        Array(#"\udc00\ud800"#.utf8),
        Array(#"\x41"#.utf8), [0x01, 0x0A],
    ]

    private static func message(_ id: JSON, _ action: [UInt8]) -> [UInt8] {
        Array(#"{"jsonrpc":"2.0","id":1,"method":"step","params":{"sandbox_id":"#.utf8) + id.serialized
            + Array(#","action":""#.utf8) + action + Array(#""}}"#.utf8)
    }

    private static func afterReset(
        _ sandbox: CheckedSandbox, _ seed: Seed?, _ body: () async throws -> CheckAnswer
    ) async throws -> CheckAnswer {
        try (try await sandbox.attempt(sandbox.reset(seed))).expectStart(CheckScript(seed: seed))
        return try await body()
    }

    /// Any text is a turn like another, or is refused by name; twice the same.
    private static func expectAnswer(_ sandbox: CheckedSandbox, _ text: String, _ seed: Seed?) async throws {
        let script = CheckScript(seed: seed, actions: [text])
        let first = try await afterReset(sandbox, seed) { try await sandbox.attempt(sandbox.step(text)) }
        try expectHarmless(first, "the action \(CheckScript.shown(text))", script)
        let second = try await afterReset(sandbox, seed) { try await sandbox.attempt(sandbox.step(text)) }
        if let difference = first.difference(from: second) {
            throw CheckFault("The action \(CheckScript.shown(text)) is answered in two ways: \(difference).", script)
        }
    }

    private static func expectHarmless(_ answer: CheckAnswer, _ what: String, _ script: CheckScript) throws {
        if case .failure(let failure) = answer {
            switch failure.kind {
            case .invalidAction, .invalidParams, .parseError, .invalidRequest, .tooLarge: return
            default: throw CheckFault("step fails on \(what): \(failure.shown).", script)
            }
        }
        try answer.expectTurn(script)
    }
}

extension CheckAnswer {
    /// In a word or two.
    var outcome: String { failure?.kind.rawValue ?? "a turn" }
}
