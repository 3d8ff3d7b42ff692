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
            if colours { text.append(letter == UInt8(ascii: "_") ? Style.dim : Style.success) }
            text.append("  ")
            text.append(ascii: letter)
            if colours { text.append(Style.plain) }
        }
        text.append("\n")
    }

    func writeStatus(into text: inout Text) {
        text.append(lettersGuessed.isEmpty ? "no letter guessed" : "guessed ")
        text.append(utf8: lettersGuessed)
    }
}
