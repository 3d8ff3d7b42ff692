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
        for place in 0..<length { WordleCharacter.write(guess.characters[place], into: &text) }
        for place in 0..<length {
            text.append(place == 0 ? "\n['" : "', '")
            text.append(ascii: guess.marks[place])
        }
        text.append("']")
    }
}
