import Foundation
import GEM
import Testing

@testable import ModelService

/// A file in a folder of its own, removed at the end.
private final class Scratch {
    let path: String
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("rock-\(UUID().uuidString)").path
        path = folder + "/file"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }  // left-overs in /tmp are no failure of the test

    func put(_ text: String) throws { try text.write(toFile: path, atomically: false, encoding: .utf8) }

    func append(_ text: String) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        file.seekToEndOfFile()
        file.write(Data(text.utf8))
    }
}

struct LineTests {
    private func lines(_ tail: inout LineTail) throws -> [String] {
        var found: [String] = []
        try tail.read {
            found.append(String(decoding: $0, as: UTF8.self))
            return true
        }
        return found
    }

    @Test func readsEachLineOnceAndWhole() throws {
        let scratch = try Scratch()
        var tail = LineTail(scratch.path)
        #expect(try lines(&tail) == [])
        try scratch.put("one\ntw")
        #expect(try lines(&tail) == ["one"])
        try scratch.append("o")
        #expect(try lines(&tail) == [])
        try scratch.append("\n\nfour\n")
        #expect(try lines(&tail) == ["two", "", "four"])
        #expect(try lines(&tail) == [])
    }

    @Test func beginsAnewWithANewFile() throws {
        let scratch = try Scratch()
        try scratch.put("one\ntwo\nhal")
        var tail = LineTail(scratch.path)
        #expect(try lines(&tail) == ["one", "two"])
        try scratch.put("a\n")  // cut off and written to
        #expect(try lines(&tail) == ["a"])
        try FileManager.default.removeItem(atPath: scratch.path)
        #expect(try lines(&tail) == [])
        try scratch.put("b\nc\nd\n")
        #expect(try lines(&tail) == ["b", "c", "d"])
    }

    @Test func stopsWhereItIsTold() throws {
        let scratch = try Scratch()
        try scratch.put("one\ntwo\nthree\n")
        var tail = LineTail(scratch.path)
        try tail.read { _ in false }
        #expect(try lines(&tail) == ["two", "three"])
    }

    /// Lines longer and shorter than a piece, with and without a line feed at the end.
    @Test(arguments: [
        [], [""], ["a"], ["a", "b", ""], ["", "", "x"], [String(repeating: "y", count: 300_000), "z"],
        ["a", String(repeating: "b", count: 262_144), String(repeating: "c", count: 262_143), "d"],
        [String(repeating: "e", count: 1_000_000)],
    ])
    func walksBackThroughTheSameLines(_ lines: [String]) throws {
        let scratch = try Scratch()
        let text = lines.map { $0 + "\n" }.joined()
        for rest in ["", "half a line"] {
            try scratch.put(text + rest)
            var found: [String] = []
            let end = try LinesFromEnd.walk(scratch.path) { line throws(Failure) in
                found.append(String(decoding: line, as: UTF8.self))
                return true
            }
            #expect(found == lines.reversed() && end == text.utf8.count)
        }
    }
}
