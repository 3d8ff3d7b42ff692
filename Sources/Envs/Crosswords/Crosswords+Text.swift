import GEM

extension Crosswords {
    func writeInstructions(into text: inout Text) {
        text.append("Fill the crossword within ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns, one letter a turn.
            Rows R and columns C count from 0. An underscore is an open cell, a dot belongs to no word; the clues below the \#
            grid say in which way each word runs and how many letters it has, but not where it begins.
            Write row, column and letter in a box, such as \boxed{2 5 A}. The last box in your answer counts.
            """#)
    }

    func writeBoard(into text: inout Text) {
        text.bytes.append(contentsOf: board.text)
        for word in placed {
            text.append("\n")
            writeClue(of: word, into: &text)
        }
    }

    private func writeClue(of word: WordPlacer.Placed, into text: inout Text) {
        text.append(word.index + 1)
        text.append(". ")
        text.append(utf8: clue(of: word))
        text.append(word.way == .across ? " (across, " : " (down, ")
        text.append(word.word.count)
        text.append(" letters)")
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{row column letter}"#) }

    func draw(colours: Bool, into text: inout Text) {
        guard colours else {
            writeBoard(into: &text)
            text.append("\n")
            return
        }
        board.draw(into: &text) { cell in
            switch board[cell] {
            case UInt8(ascii: "."): (nil, UInt8(ascii: " "))
            case UInt8(ascii: "_"): (Style.onGrey, UInt8(ascii: "_"))
            case let letter: (Style.onGreen, letter)
            }
        }
        for word in placed {
            writeClue(of: word, into: &text)
            text.append("\n")
        }
    }

    func writeStatus(into text: inout Text) {
        text.append(openCells)
        text.append(" cells open")
    }
}
