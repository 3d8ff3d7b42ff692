import Foundation
import Testing

@testable import Envs

@Suite struct WordListTests {
    /// The lists are the public ones to the byte: positions are drawn, so a list that differs in order gives other words.
    @Test(arguments: [
        (WordList.basic, 850, "b00de5c6438714a6abaa906ec85f063f63c0606f713cbe8728b21c42664e5fce"),
        (WordList.large, 235_886, "69d1a74371b98676d3312727115b13fefaf57d561561b6ee347d13b1eea0d0c9"),
    ])
    func isTheOriginalList(_ list: WordList, count: Int, sum: String) throws {
        #expect(list.count == count)
        // Word by word through the table of starts: a wrong entry gives another text.
        let text = (0..<list.count).reduce(into: [UInt8]()) { $0 += list[$1] + [0x0A] }
        #expect(try sha256(text) == sum)
    }

    @Test(arguments: [(WordList.basic, 3, 90), (.basic, 4, 241), (.basic, 5, 192), (.basic, 25, 0)])
    func countsPlainWords(_ list: WordList, length: Int, count: Int) {
        #expect(list.plainWords(ofLength: length).count == count)
    }

    /// One-letter words, capitals and hyphens are in the large list, but no plain word of it has them.
    @Test func findsPlainWordsInOrder() {
        let all = (0..<WordList.large.count).lazy.map { WordList.large[$0] }
        for length in [1, 7, 24] {
            let plain = WordList.large.plainWords(ofLength: length)
            let expected = all.filter { $0.count == length && $0.allSatisfy { (0x61...0x7A).contains($0) } }
            #expect(plain.elementsEqual(expected))
            #expect(plain.isEmpty == false)
        }
    }

    private func sha256(_ bytes: [UInt8]) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "words-\(UUID().uuidString)")
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }  // what remains is one small file in /tmp
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/sha256sum")
        process.arguments = [file.path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return String(text.prefix(64))
    }
}
