import Foundation
import Testing

/// Help pages are compared with golden files. To accept a change:
/// `rockctl help env run > Tests/rockctlTests/Fixtures/Help/env-run.txt`.
@Suite struct HelpTests {
    /// The golden pages: file names without `.txt`, a hyphen for each blank between words.
    static var pages: [String] {
        let folder = Bundle.module.resourceURL?.appending(path: "Fixtures/Help").path ?? ""
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()
    }

    @Test(arguments: pages)
    func isAsWritten(page: String) throws {
        let file = try #require(
            Bundle.module.url(forResource: page, withExtension: "txt", subdirectory: "Fixtures/Help"))
        let topics = ["exit-codes"]
        let words = page == "rockctl" ? [] : topics.contains(page) ? [page] : Self.words(of: page)
        let shown = try Program.rockctl(["help"] + words).output
        #expect(shown == String(decoding: try Data(contentsOf: file), as: UTF8.self))
        if !topics.contains(page) { #expect(try Program.rockctl(words + ["--help"]).output == shown) }
    }

    /// The command's words; some have hyphens of their own.
    private static func words(of page: String) -> [String] {
        var rest = page[...]
        var words: [String] = []
        while !rest.isEmpty {
            let word =
                ["model-service", "watch-agent", "anti-call-llm"].first { rest == $0 || rest.hasPrefix($0 + "-") }
                ?? String(rest.prefix { $0 != "-" })
            words.append(word)
            rest = rest.dropFirst(word.count + 1)
        }
        return words
    }

    @Test func everyCommandHasAGoldenPage() throws {
        func commands(below words: [String]) throws -> [String] {
            let page = try Program.rockctl(["help"] + words).output
            guard let table = page.firstRange(of: "\nCommands\n") else { return [] }
            var pages: [String] = []
            let rows = page[table.upperBound...].split(separator: "\n").prefix { $0 != "Options" }
            for line in rows {
                guard line.hasPrefix("  "), !line.hasPrefix("   "), let word = line.split(separator: " ").first else {
                    continue
                }
                let path = words + [String(word)]
                pages.append(path.joined(separator: "-"))
                pages += try commands(below: path)
            }
            return pages
        }
        let expected = try commands(below: []) + ["rockctl", "exit-codes"]
        #expect(Set(expected) == Set(Self.pages))
    }

    /// To accept a change: `make docs`.
    @Test func theReferenceIsAsWritten() throws {
        let path = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Docs/rockctl.md"
        let written = try String(contentsOfFile: path, encoding: .utf8)
        let shown = try Program.rockctl(["help", "--markdown"]).output
        // The first line that differs says more than two whole files.
        let lines = zip(shown.split(separator: "\n"), written.split(separator: "\n"))
        let different = lines.first { $0 != $1 }
        #expect(shown == written, "make docs; first at: \(different.map { "\($0)" } ?? "the end")")
    }

    @Test func fitsItsTerminal() throws {
        let terminal = try Terminal(arguments: ["help", "exit-codes"], columns: 44)
        #expect(terminal.finish() == 0)
        let lines = terminal.withoutColours.split(whereSeparator: \.isNewline)
        #expect(lines.count > 12 && lines.allSatisfy { $0.count <= 44 }, "\(terminal.shown)")
    }
}
