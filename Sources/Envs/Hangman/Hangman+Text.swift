import GEM

extension Hangman {
    func writeInstructions(into text: inout Text) {
        text.append("Find the secret word of ")
        text.append(length)
        text.append(" letters within ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns.
            Guess a letter, and all its places in the word are revealed; or guess the whole word, which is the only way to \#
            finish. Hidden letters are shown as _.
            Write your guess in a box, such as \boxed{
            """#)
        text.append(ascii: example.letter)
        text.append(#"} or \boxed{"#)
        text.append(utf8: example.word)
        text.append("}. The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) { text.bytes.append(contentsOf: board) }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{letter or word}"#) }

    /// The word, spaced out.
    func draw(colours: Bool, into text: inout Text) {
        for place in 0..<length {
            let letter = board[offset(of: place)]
            if colours { text.append(letter == UInt8(ascii: "_") ? Style.onGrey : Style.onGreen) }
            text.append(" ")
            text.append(ascii: letter)
            text.append(" ")
            if colours { text.append(Style.plain) }
        }
        text.append("\n")
        if colours { drawAlphabet(into: &text) }
    }

    /// Letters that are in the word, that are not, and that nobody has tried.
    private func drawAlphabet(into text: inout Text) {
        text.append("\n")
        for letter in UInt8(ascii: "A")...UInt8(ascii: "Z") {
            let style: StaticString? = !isGuessed(letter) ? nil : isRevealed(letter) ? Style.success : Style.dim
            if let style { text.append(style) }
            text.append(ascii: letter)
            if style != nil { text.append(Style.plain) }
            text.append(" ")
        }
        text.append("\n")
    }

    func writeStatus(into text: inout Text) {
        let guessed = (UInt8(ascii: "A")...UInt8(ascii: "Z")).filter(isGuessed)
        text.append(guessed.isEmpty ? "no letter guessed" : "guessed ")
        text.append(utf8: guessed)
    }
}
