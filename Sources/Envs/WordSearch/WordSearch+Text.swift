import GEM

extension WordSearch {
    func writeInstructions(into text: inout Text) {
        text.append("Find the ")
        text.append(placed.count)
        text.append(" words hidden among the letters within ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns.
            Words run from left to right or from top to bottom. Rows R and columns C count from 0; the letters of found words \#
            are put in square brackets. Every attempt must be a new one.
            Write row and column of a word's first letter, then of its last, in a box, such as \boxed{1 2 1 7}. The last box \#
            in your answer counts.
            """#)
    }

    func writeBoard(into text: inout Text) {
        text.bytes.append(contentsOf: board.text)
        text.append("\nFound ")
        text.append(found)
        text.append(" of ")
        text.append(placed.count)
        text.append(" words.")
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{row column row column}"#) }

    func draw(colours: Bool, into text: inout Text) {
        guard colours else {
            text.bytes.append(contentsOf: board.text)
            text.append("\n")
            return
        }
        board.draw(into: &text) { cell in (board.isBracketed(cell) ? Style.onGreen : nil, board[cell]) }
    }

    func writeStatus(into text: inout Text) {
        text.append(found)
        text.append("/")
        text.append(placed.count)
        text.append(" words")
    }
}
