import GEM

extension Wordle {
    func writeInstructions(into text: inout Text) {
        text.append("Find the secret word of ")
        text.append(length)
        text.append(" letters within ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns.
            Each guess gets a mark per letter: G for a letter in its right place, Y for a letter that belongs elsewhere in the \#
            word, X for one that does not occur (again).
            Write your guess in a box, such as \boxed{
            """#)
        text.append(utf8: example)
        text.append("}. The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) {}

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{word}"#) }

    /// The guess on one line, its marks as a list on the next.
    func write(_ guess: Guess, into text: inout Text) {
        for character in guess.characters {
            text.append(utf8: UTF8.encode(character) ?? UTF8.encodedReplacementCharacter)
        }
        text.append("\n[")
        for (place, mark) in guess.marks.enumerated() {
            text.append(place == 0 ? "'" : ", '")
            text.append(ascii: mark)
            text.append("'")
        }
        text.append("]")
    }

    /// One line per guess; with colours each letter on a tile of its mark's colour.
    func draw(colours: Bool, into text: inout Text) {
        for guess in guesses {
            for (character, mark) in zip(guess.characters, guess.marks) {
                let letter = character.isASCII ? UInt8(truncatingIfNeeded: character.value) : UInt8(ascii: "?")
                if colours {
                    text.append(
                        mark == Self.right ? Style.onGreen : mark == Self.elsewhere ? Style.onYellow : Style.onGrey)
                }
                text.append(" ")
                text.append(ascii: letter < 0x21 ? UInt8(ascii: "?") : letter)
                text.append(colours ? " " : "")
                if colours { text.append(Style.plain) } else { text.append(ascii: mark) }
            }
            text.append("\n")
        }
        for _ in 0..<length { text.append(" _ ") }
        text.append("\n")
    }
}
