import Foundation
import Testing

/// The scripts, asked by the real shells.
@Suite struct CompletionTests {
    enum Shell: String, CaseIterable {
        case bash, zsh, fish

        var isInstalled: Bool {
            ["/bin/", "/usr/bin/"].contains { FileManager.default.isExecutableFile(atPath: $0 + rawValue) }
        }
    }

    /// What is typed, and what must be offered; words behind "not" must not be.
    static let lines: [(line: String, offered: [String], not: [String])] = [
        ("rockctl ", ["help", "completions"], ["--help", "bash"]),
        ("rockctl comp", ["completions"], ["help"]),
        ("rockctl --", ["--help", "--version"], ["help"]),
        ("rockctl completions ", ["bash", "zsh", "fish"], ["help"]),
        ("rockctl help ", ["completions", "exit-codes", "variables"], ["bash"]),
        ("rockctl completions --", ["--help"], ["--version"]),
        ("rockctl env ", ["run", "list", "play"], ["admin"]),
        ("rockctl help env ", ["run", "list", "play"], ["--seed"]),
        ("rockctl env run --seed 1 game:Sokoban-v0-e", ["game:Sokoban-v0-easy"], ["game:Sokoban-v0-hard"]),
        ("rockctl env run --se", ["--seed"], ["--url"]),
        ("rockctl env run --seed 1 --policy ", ["random", "first"], ["--seed"]),
        ("rockctl env run --policy=r", ["random"], ["first"]),
        ("rockctl admin start --rpc-socket x --", ["--host", "--detach"], ["--seed"]),
    ]

    @Test(
        .enabled(if: Shell.allCases.allSatisfy(\.isInstalled), "needs bash, zsh and fish"),
        .timeLimit(.minutes(2)), arguments: Shell.allCases)
    func offersWhatFits(shell: Shell) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "completion-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = folder.appending(path: "_rockctl")
        try Data(try Program.rockctl(["completions", shell.rawValue]).output.utf8).write(to: script)
        let asker = try #require(
            Bundle.module.url(forResource: "complete", withExtension: shell.rawValue, subdirectory: "Fixtures"))

        for (line, offered, not) in Self.lines {
            let answer = try Program.run(
                shell.rawValue, (shell == .zsh ? ["-f"] : []) + [asker.path, script.path, line],
                variables: ["HOME": folder.path, "TERM": "xterm"])
            // fish gives back the whole word where a value stands behind an equals sign.
            let words = answer.output.split(whereSeparator: \.isWhitespace)
            let candidates = Set(
                words.map { $0.drop { $0 == "-" }.contains("=") ? $0.split(separator: "=").last ?? $0 : $0 }.map(
                    String.init))
            // Readline breaks words at colons, so bash is given only what stands behind the last one.
            let offered = shell == .bash ? offered.map { String($0.split(separator: ":").last ?? "") } : offered
            #expect(candidates.isSuperset(of: offered), "\(line): \(answer.output)\(answer.errors)")
            #expect(candidates.isDisjoint(with: not), "\(line): \(answer.output)")
        }
    }
}
