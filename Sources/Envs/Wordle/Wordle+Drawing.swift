import GEM

extension Wordle {
    /// One line per guess. In colours each letter is a tile, and a keyboard shows what is known of every letter.
    func draw(colours: Bool, into text: inout Text) {
        for guess in guesses {
            if colours {
                for place in 0..<length { tile(guess.characters[place], style(of: guess.marks[place]), into: &text) }
            } else {
                for place in 0..<length {
                    text.append(ascii: glyph(guess.characters[place]))
                    text.append(" ")
                }
                text.append(" ")
                for place in 0..<length {
                    text.append(" ")
                    text.append(ascii: guess.marks[place])
                }
            }
            text.append("\n")
        }
        if !episode.isOver {
            for place in 0..<length { text.append(colours ? " _ " : place == 0 ? "_" : " _") }
            text.append("\n")
        }
        if colours { drawKeyboard(into: &text) }
    }

    private func drawKeyboard(into text: inout Text) {
        var best = [UInt8](repeating: 0, count: 26)
        for guess in guesses {
            for place in 0..<length {
                let letter = Int(guess.characters[place]) - 0x41
                guard best.indices ~= letter, rank(guess.marks[place]) > rank(best[letter]) else { continue }
                best[letter] = guess.marks[place]
            }
        }
        let rows: [StaticString] = ["QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"]
        for (indent, row) in rows.enumerated() {
            text.append("\n")
            for _ in 0..<indent { text.append(" ") }
            for index in 0..<row.utf8CodeUnitCount {
                let letter = row.utf8Start[index]
                let mark = best[Int(letter) - 0x41]
                text.append(mark == Mark.absent ? Style.dim : mark == 0 ? "" : style(of: mark))
                text.append(ascii: letter)
                text.append(mark == 0 ? "" : Style.plain)
                text.append(" ")
            }
        }
        text.append("\n")
    }

    private func tile(_ character: UInt8, _ style: StaticString, into text: inout Text) {
        text.append(style)
        text.append(" ")
        text.append(ascii: glyph(character))
        text.append(" ")
        text.append(Style.plain)
    }

    /// A letter as it is; white space would not show.
    private func glyph(_ character: UInt8) -> UInt8 {
        (0x41...0x5A) ~= character ? character : UInt8(ascii: "?")
    }

    private func style(of mark: UInt8) -> StaticString {
        switch mark {
        case Mark.right: Style.onGreen
        case Mark.elsewhere: Style.onYellow
        default: Style.onGrey
        }
    }

    /// Orders marks by what they tell; 0 is no mark.
    private func rank(_ mark: UInt8) -> Int {
        switch mark {
        case Mark.right: 3
        case Mark.elsewhere: 2
        case Mark.absent: 1
        default: 0
        }
    }
}
