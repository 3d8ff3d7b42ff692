import GEM

/// What can stand in a guess, as one byte: a capital letter or a white-space character other than U+0020.
///
/// ASCII stands for itself; the others are numbered from 0x80.
enum WordleCharacter {
    /// The white space beyond ASCII, in Python's meaning of the word.
    private static let wideBlanks: [Unicode.Scalar] = [
        "\u{85}", "\u{A0}", "\u{1680}", "\u{2000}", "\u{2001}", "\u{2002}", "\u{2003}", "\u{2004}", "\u{2005}",
        "\u{2006}", "\u{2007}", "\u{2008}", "\u{2009}", "\u{200A}", "\u{2028}", "\u{2029}", "\u{202F}", "\u{205F}",
        "\u{3000}",
    ]

    /// The code of a white-space character.
    static func code(ofBlank blank: Unicode.Scalar) -> UInt8 {
        if blank.isASCII { return UInt8(truncatingIfNeeded: blank.value) }
        return 0x80 + UInt8(wideBlanks.firstIndex(of: blank) ?? 0)
    }

    /// Whether `code` stands for a character.
    static func isCode(_ code: UInt8) -> Bool {
        switch code {
        case 0x09...0x0D, 0x1C...0x1F, 0x41...0x5A: true
        default: code >= 0x80 && Int(code) - 0x80 < wideBlanks.count
        }
    }

    /// Appends the character that `code` stands for.
    static func write(_ code: UInt8, into text: inout Text) {
        if code < 0x80 {
            text.append(ascii: code)
        } else {
            text.append(utf8: UTF8.encode(wideBlanks[Int(code) - 0x80]) ?? UTF8.encodedReplacementCharacter)
        }
    }
}
