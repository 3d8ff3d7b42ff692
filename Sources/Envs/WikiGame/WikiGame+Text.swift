import GEM

extension WikiGame {
    func writeInstructions(into text: inout Text) {
        text.append("Walk through an encyclopedia from the page ")
        text.append(string: pages.pages[current].title)
        text.append(" to the page ")
        text.append(string: pages.pages[target].title)
        text.append(" within ")
        text.append(episode.maxTurns)
        text.append(" turns. Each turn follows a link; it must be written as the page does.\n")
        switch variant {
        case .noRegrets: text.append("There is no way back, and a page without links is the end.")
        case .oneBack:
            text.append(#"\boxed{<PREV_PAGE>} goes back a page, once between two links."#)
        case .freeNavigation: text.append(#"\boxed{<PREV_PAGE>} goes back a page."#)
        case .eidetic:
            text.append("There is no way back, but every link that you have seen can be followed at any time.")
        }
        text.append("\nWrite the link in a box, such as \\boxed{")
        text.append(string: pages.pages[pages.pages[current].links[0]].title)
        text.append("}. The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) {
        let page = pages.pages[current]
        text.append("Page: ")
        text.append(string: page.title)
        text.append("\nTarget: ")
        text.append(string: pages.pages[target].title)
        text.append("\n")
        text.append(string: summary.of(page.text))
        text.append("\nLinks:")
        for link in page.links {
            text.append(" \\boxed{")
            text.append(string: pages.pages[link].title)
            text.append("}")
        }
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{link}"#) }

    func draw(colours: Bool, into text: inout Text) {
        for (number, page) in path.enumerated() {
            if number > 0 { text.append(" → ") }
            if colours, number == path.count - 1 { text.append(Style.player) }
            text.append(string: pages.pages[page].title)
            if colours, number == path.count - 1 { text.append(Style.plain) }
        }
        text.append(" … ")
        if colours { text.append(Style.goal) }
        text.append(string: pages.pages[target].title)
        if colours { text.append(Style.plain) }
        text.append("\n")
        for link in pages.pages[current].links {
            text.append("  ")
            text.append(string: pages.pages[link].title)
            text.append("\n")
        }
    }
}

extension WikiGame.Summary {
    /// The beginning of `text` on one line, cut to this length.
    func of(_ text: String) -> String {
        let words = text.split(whereSeparator: \.isWhitespace)
        let line = words.joined(separator: " ")
        switch unit {
        case .characters: return String(line.prefix(length))
        case .words: return words.prefix(length).joined(separator: " ")
        case .sentences:
            var left = length
            guard left > 0 else { return "" }
            for place in line.indices where ".!?".contains(line[place]) {
                let next = line.index(after: place)
                guard next == line.endIndex || line[next] == " " else { continue }
                left -= 1
                if left == 0 { return String(line[..<next]) }
            }
            return line
        }
    }
}
