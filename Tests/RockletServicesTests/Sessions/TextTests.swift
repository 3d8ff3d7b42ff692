import GEM
import Testing

@testable import RockletServices

/// The parts of sessions and programs that need no process.
struct TextTests {
    /// It says yes only to what bash accepts, and to what callers mostly send.
    @Test(arguments: [
        ("echo hi", true), ("ls -la /tmp | grep x && echo 'a b' || true", true), ("cd /x; make -j4 > log 2>&1 &", true),
        ("echo \"$HOME ${x} $?\" # comment", true), ("a=1 b=2\nc", true), ("", true), ("# only", true),
        ("x &&\n y", true),
        ("git commit -m 'if then'", true), ("[ a = b ]", true), ("echo }", true), ("cat < in >> out", true),
        ("echo 'open", false), ("echo \"open", false), ("if true; then x; fi", false), ("echo $(x)", false),
        ("a=(1)", false),
        ("f() { x; }", false), ("cat <<EOF", false), ("a |", false), ("| a", false), ("a ;; b", false), ("; a", false),
        ("echo >", false), ("{ a; }", false), ("! a", false), ("echo \\", false), ("time a", false),
        ("a && && b", false),
        ("[[ a ]]", false), ("echo ${x:-$(y)}", false), ("echo `a`", false), ("a & & b", false), (") a", false),
    ])
    func knowsPlainCommands(_ text: String, _ isPlain: Bool) {
        #expect(SyntaxCheck.isPlainlyValid(text) == isPlain)
    }

    @Test(arguments: [
        ("\u{1B}[31mred\u{1B}[0m", "red"), ("a\u{1B}[?2004hb", "ab"), ("a\r\r\r\nb\r\n", "a\r\nb\r\n"),
        ("50%\r100%", "50%\r100%"),
        ("\u{1B}", "\u{1B}"), ("\u{1B}[", "\u{1B}["), ("a\u{1B}[1;3", "a\u{1B}[1;3"),
    ])
    func takesControlSequencesOut(_ raw: String, _ plain: String) {
        #expect(TerminalText.plain(Array(raw.utf8)) == Array(plain.utf8))
    }

    @Test(arguments: [
        ("a", "'a'"), ("it's", "\"it's\""), ("both ' \"", "'both \\' \"'"), ("\n\t\\\u{1}", "'\\n\\t\\\\\\x01'"),
        ("é", "'é'"),
    ])
    func quotesAsPython(_ text: String, _ quoted: String) {
        #expect(PythonText.quoted(text) == quoted)
    }

    @Test(
        arguments: [
            ([0x61, 0xFF, 0x62], "a\\xffb"), ([0xC3, 0xA9], "é"), ([0xC3], "\\xc3"), ([0xE2, 0x82], "\\xe2\\x82"),
            ([0xED, 0xA0, 0x80], "\\xed\\xa0\\x80"),
            ([0xC0, 0x80], "\\xc0\\x80"), ([0xF0, 0x9F, 0x98, 0x80], "😀"),
            ([0xF4, 0x90, 0x80, 0x80], "\\xf4\\x90\\x80\\x80"),
        ] as [([UInt8], String)])
    func decodesAsPython(_ bytes: [UInt8], _ text: String) {
        #expect(String(decoding: PythonText.decoded(bytes), as: UTF8.self) == text)
    }

    @Test func keepsBothEndsOfOutput() {
        var output = CappedOutput(limit: 8)
        for piece in ["ab", "cdé", "fghijklm", "n√"] { output.append(Array(piece.utf8)[...]) }
        #expect(String(decoding: output.marked, as: UTF8.self) == "abcd\n[... 10 bytes left out ...]\nn√")
        #expect(output.omitted == 10 && output.total == 18)
    }

    /// The mark is found however the bytes are cut, and whatever looks like it stays.
    @Test func findsItsMarkInPieces() {
        for size in 1...40 {
            var barrier = OutputBarrier()
            let all = Array("before \u{1B}_123\u{1B}\\ ".utf8) + barrier.mark + Array("after".utf8)
            var (before, after): ([UInt8], [UInt8]?) = ([], nil)
            for start in stride(from: 0, to: all.count, by: size) {
                let piece = Array(all[start..<min(start + size, all.count)])
                if after != nil {
                    after? += piece
                } else {
                    let (more, rest) = piece.withUnsafeBytes { barrier.pass($0) }
                    before += more
                    after = rest
                }
            }
            #expect(
                before == Array("before \u{1B}_123\u{1B}\\ ".utf8) && after == Array("after".utf8), "pieces of \(size)")
        }
    }

    @Test(arguments: [
        ("\\d+", "ab12c", 2, 4), ("(?i)HELLO", "say hello", 4, 9), ("[\\s\\d]x", "a 5x", 2, 4),
        (">>> $", "1\r\n>>> ", 3, 7),
        ("a(?:b|c)d", "xacd", 1, 4), ("\\.", "a.b", 1, 2), ("[]x]", "a]", 1, 2),
    ])
    func matchesExpressions(_ pattern: String, _ text: String, _ start: Int, _ end: Int) throws {
        #expect(try Expectation(pattern).match(Array(text.utf8)) == start..<end)
    }

    @Test(arguments: ["a*?", "(?=x)", "(?P<n>x)", "\\bword", "(", "[a", "\\", String(repeating: "a", count: 2000)])
    func refusesOtherExpressions(_ pattern: String) {
        #expect(throws: RockletException.self) { try Expectation(pattern) }
    }
}
