/// Sees at once that a command of the common kind is valid bash: words, quotes, variables, pipes, lists and redirections.
///
/// It says yes only where bash would; for all else bash is asked. Starting it takes longer than running most commands.
struct SyntaxCheck {
    /// Words with a meaning of their own where a command begins.
    private static let reserved: Set<String> = [
        "!", "[[", "]]", "{", "}", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function",
        "if",
        "in", "select", "then", "time", "until", "while",
    ]

    private let text: [UInt8]
    private var place = 0
    /// What the grammar wants next.
    private enum Position {
        /// A command may begin, or the text may end.
        case start
        /// A command must come: an operator stands in front.
        case afterOperator
        case inCommand
        /// A redirection wants its word.
        case redirection
    }
    private var position = Position.start

    private init(_ text: [UInt8]) { self.text = text }

    /// Whether `text` is known to be valid.
    static func isPlainlyValid(_ text: String) -> Bool {
        var check = SyntaxCheck(Array(text.utf8))
        return check.run()
    }

    private mutating func run() -> Bool {
        while let byte = peek {
            switch byte {
            case 0x20, 0x09: place += 1
            case 0x23:  // a comment, for a word has ended
                while let next = peek, next != 0x0A { place += 1 }
            case 0x0A:
                guard position != .redirection else { return false }
                if position == .inCommand { position = .start }
                place += 1
            case 0x3B, 0x26, 0x7C: guard takeOperator(byte) else { return false }
            case 0x3C, 0x3E: guard takeRedirection() else { return false }
            default: guard takeWord() else { return false }
            }
        }
        return position == .start || position == .inCommand
    }

    private var peek: UInt8? { place < text.count ? text[place] : nil }
    private func byte(at offset: Int) -> UInt8? { place + offset < text.count ? text[place + offset] : nil }

    /// `;`, `&`, `&&`, `|`, `||`, `|&`, `&>`.
    private mutating func takeOperator(_ byte: UInt8) -> Bool {
        if byte == 0x26, self.byte(at: 1) == 0x3E {
            place += 1
            return takeRedirection()
        }
        guard position == .inCommand else { return false }
        place += 1
        switch (byte, peek) {
        case (0x3B, 0x3B), (0x3B, 0x26): return false  // belongs to case
        case (0x3B, _): position = .start
        case (0x26, 0x26), (0x7C, 0x7C), (0x7C, 0x26):
            place += 1
            position = .afterOperator
        case (0x7C, _): position = .afterOperator
        default: position = .start
        }
        return true
    }

    /// `<`, `>`, `>>`, `>&`, `<&`, `>|`.
    private mutating func takeRedirection() -> Bool {
        guard position != .redirection, let byte = peek else { return false }
        place += 1
        switch (byte, peek) {
        case (_, 0x28), (0x3C, 0x3C), (0x3C, 0x3E): return false  // process substitution, here-document, read and write
        case (0x3E, 0x3E), (_, 0x26), (0x3E, 0x7C): place += 1
        default: break
        }
        position = .redirection
        return true
    }

    private mutating func takeWord() -> Bool {
        let start = place
        var isQuoted = false
        loop: while let byte = peek {
            switch byte {
            case 0x20, 0x09, 0x0A, 0x3B, 0x26, 0x7C, 0x3C, 0x3E: break loop
            case 0x28, 0x29, 0x60: return false
            case 0x5C:
                guard self.byte(at: 1) != nil else { return false }
                isQuoted = true
                place += 2
            case 0x27:
                guard let end = text[(place + 1)...].firstIndex(of: 0x27) else { return false }
                isQuoted = true
                place = end + 1
            case 0x22:
                guard takeDoubleQuoted() else { return false }
                isQuoted = true
            case 0x24: guard takeDollar() else { return false }
            case 0: return false
            default: place += 1
            }
        }
        if position != .redirection, position != .inCommand, !isQuoted,
            Self.reserved.contains(String(decoding: text[start..<place], as: UTF8.self))
        {
            return false
        }
        // Behind `A=1` or a redirection a reserved word is a plain one, and bash is not asked needlessly for it.
        position = .inCommand
        return true
    }

    private mutating func takeDoubleQuoted() -> Bool {
        place += 1
        while let byte = peek {
            switch byte {
            case 0x22:
                place += 1
                return true
            case 0x5C:
                guard self.byte(at: 1) != nil else { return false }
                place += 2
            case 0x24: guard takeDollar() else { return false }
            case 0x60, 0: return false
            default: place += 1
            }
        }
        return false
    }

    /// `$name`, `$1`, `$?`, `${name}` and its like without anything nested.
    private mutating func takeDollar() -> Bool {
        place += 1
        switch peek {
        case 0x28, 0x27, 0x22, 0x5B: return false
        case 0x7B:
            place += 1
            let start = place
            while let byte = peek, Self.isName(byte) { place += 1 }
            guard place > start, peek == 0x7D else { return false }
            place += 1
        default: break
        }
        return true
    }

    private static func isName(_ byte: UInt8) -> Bool {
        0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte || byte == 0x5F
    }
}
