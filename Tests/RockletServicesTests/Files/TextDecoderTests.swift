import Testing

@testable import RockletServices

@Suite struct TextDecoderTests {
    /// Bytes, encoding and policy; the text, or the exception's last word and what it says. As Python 3.11 answers.
    static let table: [(bytes: [UInt8], encoding: String, policy: String, text: String)] = [
        ([0x68, 0xC3, 0xA9], "utf-8", "strict", "hé"), ([0x68, 0xC3, 0xA9], "UTF8", "strict", "hé"),
        ([0x68, 0xC3, 0xA9], "latin-1", "strict", "hÃ©"), ([0x80], "cp1252", "strict", "€"),
        ([0xEF, 0xBB, 0xBF, 0x61], "utf-8-sig", "strict", "a"),
        ([0xEF, 0xBB, 0xBF, 0x61], "utf_8", "strict", "\u{FEFF}a"),
        ([0xFF, 0xFE, 0x61, 0], "utf-16", "strict", "a"), ([0xFE, 0xFF, 0, 0x61], "utf-16", "strict", "a"),
        ([0x61, 0], "utf-16-le", "strict", "a"), ([0, 0x61], "UTF-16BE", "strict", "a"),
        ([0x3D, 0xD8, 0, 0xDE], "utf-16-le", "strict", "😀"), ([0, 0xF6, 1, 0], "utf-32-le", "ignore", "\u{1F600}"),
        ([0, 0, 0, 0x61], "utf-32-be", "strict", "a"), ([], "ascii", "strict", ""),
        ([0x61, 0xFF, 0x62], "utf-8", "ignore", "ab"), ([0x61, 0xFF, 0x62], "utf-8", "replace", "a\u{FFFD}b"),
        ([0x61, 0xFF, 0x62], "utf-8", "backslashreplace", "a\\xffb"),
        ([0xE2, 0x82, 0x41], "utf-8", "replace", "\u{FFFD}A"),
        ([0xED, 0xA0, 0x80], "utf-8", "replace", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        ([0xF0, 0x9F, 0x98], "utf-8", "replace", "\u{FFFD}"), ([0xC0, 0xAF], "utf-8", "replace", "\u{FFFD}\u{FFFD}"),
        (
            [0xFF], "utf-8", "strict",
            "UnicodeDecodeError 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
        ),
        (
            [0x61, 0xC3], "utf-8", "strict",
            "UnicodeDecodeError 'utf-8' codec can't decode byte 0xc3 in position 1: unexpected end of data"
        ),
        (
            [0xE2, 0x82, 0x41], "utf-8", "strict",
            "UnicodeDecodeError 'utf-8' codec can't decode bytes in position 0-1: invalid continuation byte"
        ),
        (
            [0x61, 0xE9], "ascii", "strict",
            "UnicodeDecodeError 'ascii' codec can't decode byte 0xe9 in position 1: ordinal not in range(128)"
        ),
        (
            [0x81], "cp1252", "strict",
            "UnicodeDecodeError 'charmap' codec can't decode byte 0x81 in position 0: character maps to <undefined>"
        ),
        (
            [0x61], "utf-16-le", "strict",
            "UnicodeDecodeError 'utf-16-le' codec can't decode byte 0x61 in position 0: truncated data"
        ),
        (
            [0, 0xD8, 0x61, 0], "utf-16-le", "strict",
            "UnicodeDecodeError 'utf-16-le' codec can't decode bytes in position 0-1: illegal UTF-16 surrogate"
        ),
        ([0, 0xDC], "utf-16-le", "replace", "\u{FFFD}"),
        ([0x61], "klingon", "strict", "LookupError unknown encoding: klingon"),
        ([0x61], "utf-8", "nonsense", "a"),
        ([0xFF], "utf-8", "nonsense", "LookupError unknown error handler name 'nonsense'"),
    ]

    @Test func decodesAsPythonDoes() {
        for (bytes, encoding, policy, text) in Self.table {
            var result: String
            do throws(RockletException) {
                let decoder = TextDecoder(try TextEncoding(named: encoding), policy: policy)
                result = String(decoding: try decoder.decode(bytes), as: UTF8.self)
            } catch {
                let name = error.kind.rawValue.split(separator: ".").last ?? ""
                result = "\(name) \(error.message)"
                if name == "LookupError" { result = String(result.prefix(text.count)) }
            }
            #expect(result == text, "\(bytes) as \(encoding), \(policy)")
        }
    }

    @Test(arguments: [
        ("", ""), ("a", "a"), ("a\r\nb\rc\n", "a\nb\nc\n"), ("\r\r\n\n", "\n\n\n"), ("\r", "\n"), ("\n\r", "\n\n"),
    ])
    func makesLineFeedsOfEveryLineEnd(_ text: String, _ result: String) {
        #expect(withUniversalNewlines(Array(text.utf8)) == Array(result.utf8))
    }
}
