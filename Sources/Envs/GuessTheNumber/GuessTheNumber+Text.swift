import GEM

extension GuessTheNumber {
    func writeInstructions(into text: inout Text) {
        text.append("A secret number lies between ")
        text.append(range.lowerBound)
        text.append(" and ")
        text.append(range.upperBound)
        text.append(", both included. Find it within ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns.
            After each guess you learn whether the secret number is higher or lower.
            Write your guess in a box, such as \boxed{
            """#)
        text.append(example)
        text.append("}. The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) {}

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{number}"#) }

    /// The range, then one line per guess.
    func draw(colours: Bool, into text: inout Text) {
        text.append("secret number: ")
        text.append(range.lowerBound)
        text.append(" to ")
        text.append(range.upperBound)
        text.append("\n")
        for guess in guesses {
            text.append(guess, width: 12)
            text.append("  ")
            switch isTooLow(guess) {
            case true?:
                if colours { text.append(Style.goal) }
                text.append(colours ? "▲ higher" : "higher")
            case false?:
                if colours { text.append(Style.player) }
                text.append(colours ? "▼ lower" : "lower")
            case nil:
                if colours { text.append(Style.success) }
                text.append("found")
            }
            if colours { text.append(Style.plain) }
            text.append("\n")
        }
    }
}
