import GEM

extension Mastermind {
    func writeInstructions(into text: inout Text) {
        text.append("A secret code has ")
        text.append(length)
        text.append(" numbers from 1 to ")
        text.append(numbers)
        text.append(allowsDuplicates ? ", and numbers may repeat" : ", all different")
        text.append(". Find it within ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns.
            Each guess is answered by pegs: a black peg for every number in its right place, a white peg for every other \#
            number that the code holds elsewhere.
            Write your guess in a box, such as \boxed{
            """#)
        text.append(list: example)
        text.append("}. The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) {}

    func writeActionForm(into text: inout Text) {
        text.append(#"\boxed{"#)
        for place in 0..<length { text.append(place == 0 ? "number" : " number") }
        text.append("}")
    }

    /// One line per guess, its pegs behind it.
    func draw(colours: Bool, into text: inout Text) {
        for _ in 0..<length { text.append("  ?") }
        text.append("\n")
        for guess in guesses {
            for number in guess.numbers { text.append(number, width: 3) }
            text.append("   ")
            for peg in 0..<length {
                if colours {
                    text.append(
                        peg < guess.black ? Style.success : peg < guess.black + guess.white ? Style.box : Style.dim)
                    text.append(peg < guess.black ? "● " : peg < guess.black + guess.white ? "○ " : "· ")
                    text.append(Style.plain)
                } else {
                    text.append(peg < guess.black ? "B " : peg < guess.black + guess.white ? "W " : ". ")
                }
            }
            text.append("\n")
        }
    }
}
