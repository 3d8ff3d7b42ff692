import GEM
import Testing

/// What RFC 8259 says about a text.
enum Verdict: Equatable {
    case accept
    case reject
    /// The standard leaves it open; the boolean is what this parser does.
    case either(Bool)

    var isAccepted: Bool { self == .accept || self == .either(true) }
}

@Suite struct JSONConformanceTests {
    /// Texts as bytes, because some are no UTF-8.
    static let cases: [(Verdict, [UInt8])] =
        texts.map { ($0.0, Array($0.1.utf8)) } + nested
        + broken.map { (.reject, [0x22] + $0 + [0x22]) }

    static let texts: [(Verdict, String)] = [
        // Blanks and whole texts.
        (.accept, "null"), (.accept, " true "), (.accept, "\t\r\n false\n"), (.accept, "0"), (.accept, #""""#),
        (.accept, "[]"), (.accept, "{}"), (.accept, "[ ]"), (.accept, "{ }"),
        (.reject, ""), (.reject, " "), (.reject, "\u{0B}1"), (.reject, "\u{0C}1"), (.reject, "\u{A0}1"),
        (.reject, "1 2"), (.reject, "{}x"), (.reject, "[][]"), (.reject, "1,"), (.reject, "]"), (.reject, ","),
        (.reject, "// note\n1"), (.reject, "/* note */1"), (.reject, "#1"), (.either(false), "\u{FEFF}1"),
        (.reject, "1\u{0}"),
        // Literals.
        (.reject, "nul"), (.reject, "nulll"), (.reject, "Null"), (.reject, "TRUE"), (.reject, "truefalse"),
        (.reject, "tru e"), (.reject, "undefined"), (.reject, "NaN"), (.reject, "Infinity"), (.reject, "-Infinity"),
        (.reject, "[nul]"), (.reject, "t"), (.reject, "f"), (.reject, "n"),
        // Numbers.
        (.accept, "-0"), (.accept, "1234567890"), (.accept, "-1.5"), (.accept, "0.0"), (.accept, "1e5"),
        (.accept, "1E+5"), (.accept, "1e-05"), (.accept, "0e1"), (.accept, "-0.0E-0"), (.accept, "[1,-2,3.5e7]"),
        (.accept, "123456789012345678901234567890"), (.accept, "0.1234567890123456789012345678901234567890"),
        (.either(true), "1e400"), (.either(true), "-1e99999"), (.either(true), "1e-99999"),
        (.reject, "-"), (.reject, "+1"), (.reject, "01"), (.reject, "-01"), (.reject, "00"), (.reject, "1."),
        (.reject, ".5"), (.reject, "-.5"), (.reject, "1.e5"), (.reject, "1e"), (.reject, "1e+"), (.reject, "1ee5"),
        (.reject, "1.5.5"), (.reject, "0x10"), (.reject, "1_000"), (.reject, "1,000"), (.reject, "--1"),
        (.reject, "- 1"),
        (.reject, "1 e5"), (.reject, "１"), (.reject, "1f"), (.reject, "2."), (.reject, "[1 2]"), (.reject, "0b1"),
        // Strings.
        (.accept, #""abc""#), (.accept, #""\"\\\/\b\f\n\r\t""#), (.accept, #""\u0000\u001F\u00e9\uFFFF""#),
        (.accept, #""\ud83d\uDE00""#), (.accept, "\"é ü 中 😀 \u{10FFFF} \u{FFFE} \u{7F} \u{2028}\""),
        (.accept, #""/* no comment */""#), (.accept, #"["a","b"]"#), (.accept, #""0123456\n89abcdef\\""#),
        (.reject, "\""), (.reject, "\"abc"), (.reject, "'abc'"), (.reject, "abc"), (.reject, #""\""#),
        (.reject, #""\"#),
        (.reject, #""\x41""#), (.reject, #""\a""#), (.reject, #""\'""#), (.reject, #""\U0041""#), (.reject, #""\u12""#),
        (.reject, #""\u12G4""#), (.reject, #""\u+123""#), (.reject, #""\u 123""#), (.reject, "\"\\u00"),
        (.reject, "\"\\u"),
        (.reject, "\"a\nb\""), (.reject, "\"a\tb\""), (.reject, "\"a\rb\""), (.reject, "\"\u{0}\""),
        (.reject, "\"\u{1F}\""),
        (.reject, "\"01234567\u{1}\""), (.reject, "\"\\\n\""), (.reject, "\"\\é\""), (.reject, #""a" "b""#),
        // Half pairs: the grammar lets them pass, but no UTF-8 text can hold what they mean.
        (.either(false), #""\ud83d""#), (.either(false), #""\ude00""#), (.either(false), #""\ud83dx""#),
        (.either(false), #""\ud83d\n""#), (.either(false), #""\ud83d\ud83d""#), (.either(false), #""\ud83d\u0041""#),
        (.either(false), #""\ude00\ud83d""#), (.reject, #""\ud83d\u""#), (.reject, #""\ud83d\"#),
        (.reject, #""\ud83d\ude0""#),
        // Arrays.
        (.accept, "[1,2,3]"), (.accept, "[[],[[]],{}]"), (.accept, "[\n1\n,\n2\n]"), (.accept, #"["]"]"#),
        (.reject, "["), (.reject, "[1"), (.reject, "[1,"), (.reject, "[1,]"), (.reject, "[,1]"), (.reject, "[,]"),
        (.reject, "[1,,2]"), (.reject, "[1}"), (.reject, "[}"), (.reject, "[1:2]"), (.reject, "[[]"), (.reject, "[]]"),
        (.reject, "[(1)]"), (.reject, #"["a":1]"#), (.reject, "[1;2]"),
        // Objects.
        (.accept, #"{"a":1,"b":{"c":[]}}"#), (.accept, #"{"":0}"#), (.accept, #"{ "a" : 1 , "b" : 2 }"#),
        (.accept, #"{"a":1,"A":2}"#), (.accept, #"{"a\"b":1}"#), (.accept, #"{"x":{"x":{"x":1}}}"#),
        (.reject, "{"), (.reject, #"{"a""#), (.reject, #"{"a":"#), (.reject, #"{"a":1"#), (.reject, #"{"a":1,"#),
        (.reject, #"{"a":1,}"#), (.reject, #"{,"a":1}"#), (.reject, #"{"a"}"#), (.reject, #"{"a":}"#),
        (.reject, #"{"a" 1}"#), (.reject, #"{"a"::1}"#), (.reject, #"{a:1}"#), (.reject, #"{'a':1}"#),
        (.reject, "{1:1}"),
        (.reject, #"{"a":1 "b":2}"#), (.reject, #"{"a":1,,"b":2}"#), (.reject, #"{"a":1]"#), (.reject, "{]"),
        (.reject, #"{"a","b"}"#), (.reject, #"{null:1}"#), (.reject, #"{"a":1;"b":2}"#), (.reject, #"{"a":1}}"#),
    ]

    static let nested: [(Verdict, [UInt8])] = [
        (.either(true), Array((String(repeating: "[", count: 128) + String(repeating: "]", count: 128)).utf8)),
        (.either(false), Array((String(repeating: "[", count: 129) + String(repeating: "]", count: 129)).utf8)),
        (
            .either(true),
            Array((String(repeating: #"{"a":"#, count: 128) + "1" + String(repeating: "}", count: 128)).utf8)
        ),
        (
            .either(false),
            Array((String(repeating: #"{"a":"#, count: 129) + "1" + String(repeating: "}", count: 129)).utf8)
        ),
        (.accept, Array(("[" + Array(repeating: "[[]]", count: 500).joined(separator: ",") + "]").utf8)),
        (.reject, Array(String(repeating: "[", count: 100_000).utf8)),
        (.reject, Array(String(repeating: #"{"":"#, count: 100_000).utf8)),
    ]

    /// What may not stand between quotes: stray, cut, overlong, surrogate and out-of-range UTF-8.
    static let broken: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xC2, 0xC2], [0xE0, 0x80, 0x80],
        [0xE0, 0x9F, 0xBF], [0xE1, 0x80], [0xE1, 0x80, 0x41], [0xE1, 0x41, 0x80], [0xED, 0xA0, 0x80],
        [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF1, 0x80, 0x80],
        [0xF1, 0x80, 0x80, 0x41], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        Array("01234567".utf8) + [0xFF],
    ]

    @Test func judgesAsTheStandardSays() {
        var wrong: [String] = []
        for (verdict, text) in Self.cases {
            let parses = (try? JSON(parsing: text.span)) != nil
            let scans = (try? JSONScanner.validate(text.span)) != nil
            if parses != verdict.isAccepted || scans != verdict.isAccepted {
                wrong.append("\(verdict): \(String(decoding: text.prefix(80), as: UTF8.self)): \(parses), \(scans)")
            }
        }
        #expect(wrong.isEmpty)
    }

    /// Every beginning of a valid text is refused, except where a number just got shorter.
    @Test func refusesTextsThatAreCutOff() {
        for (verdict, text) in Self.cases where verdict.isAccepted && [0x5B, 0x7B, 0x22].contains(text.first) {
            guard let end = text.lastIndex(where: { $0 > 0x20 }) else { continue }
            for count in 0...end {
                let cut = Array(text[..<count])
                if (try? JSON(parsing: cut.span)) != nil || (try? JSONScanner.validate(cut.span)) != nil {
                    Issue.record("accepted \(String(decoding: cut, as: UTF8.self))")
                }
            }
        }
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, 8), (#"{"a":1,"\u0061":2}"#, 8), (#"[{"x":{"b":1,"c":2,"b":3}}]"#, 20),
        ("{" + (0..<40).map { #""n\#($0)":0"# }.joined(separator: ",") + #","n33":1}"#, 312),
    ])
    func refusesNamesThatAreThereTwice(_ text: String, _ offset: Int) {
        #expect(throws: JSONError(at: offset, expected: .newName)) { try JSON(parsing: text) }
        let bytes = Array(text.utf8)
        #expect(throws: Never.self) { try JSONScanner.validate(bytes.span) }
    }

    @Test(arguments: [
        ("", 0, JSONError.Expectation.value), ("[1 2]", 3, .commaOrBracket), (#"{"a" 1}"#, 5, .colon),
        (#"{"a":1,}"#, 7, .memberName), ("{}x", 2, .end), ("\"abc", 4, .closingQuote), ("\"a\nb\"", 2, .escapedControl),
        (#""\q""#, 2, .escape), (#""\u00zz""#, 5, .hexDigits), (#""\udc00""#, 1, .noLoneLowSurrogate),
        (#""\ud800x""#, 7, .lowSurrogate), ("-x", 1, .digit), ("1.", 2, .digit), (#"{"a":1]"#, 6, .commaOrBrace),
    ])
    func namesThePlaceAndWhatWasExpected(_ text: String, _ offset: Int, _ expected: JSONError.Expectation) {
        let error = JSONError(at: offset, expected: expected)
        #expect(throws: error) { try JSON(parsing: text) }
        let bytes = Array(text.utf8)
        #expect(throws: error) { try JSONScanner.validate(bytes.span) }
    }

    @Test func refusesTextsBeyondTheLimit() {
        let text = Array("[1,2]".utf8)
        #expect(throws: JSONError(at: 4, expected: .shorterText)) { try JSON(parsing: text.span, byteLimit: 4) }
        #expect(throws: Never.self) { try JSON(parsing: text.span, byteLimit: 5) }
    }
}
