/// Text set in lines of a width.
struct Paragraphs {
    let width: Int
    private(set) var text = ""

    init(width: Int) { self.width = width }

    /// An empty line.
    mutating func gap() { text += "\n" }

    /// An empty line, then a heading.
    mutating func head(_ title: String, _ style: Style) { text += "\n\(style.paint(title, .heading))\n" }

    /// Sets `paragraphs`, divided by empty lines. Those that begin with a blank keep their lines, and so do all with `keep`.
    mutating func add(_ paragraphs: String, indent: Int = 0, hang: Int? = nil, keep: Bool = false) {
        let margin = String(repeating: " ", count: indent)
        var isFirst = true
        for paragraph in split(paragraphs) {
            if !isFirst { gap() }
            isFirst = false
            if keep || paragraph.first?.first == " " {
                for line in paragraph { text += margin + line + "\n" }
            } else {
                let words = paragraph.joined(separator: " ")
                text += margin
                fill(words, from: indent, hang: hang ?? indent)
            }
        }
    }

    /// A heading and rows of two columns; nothing if there are no rows.
    mutating func table(_ title: String, _ rows: [(String, String)], _ style: Style) {
        guard !rows.isEmpty else { return }
        head(title, style)
        // Rows with a longer left side than this put their right side on a line of its own.
        let widest = rows.map(\.0.count).filter { $0 <= 24 }.max() ?? 24
        let column = widest + 4
        for (left, right) in rows {
            text += "  " + style.paint(left, .strong)
            if left.count > widest {
                text += "\n" + String(repeating: " ", count: column)
            } else {
                text += String(repeating: " ", count: column - 2 - left.count)
            }
            fill(right, from: column, hang: column)
        }
    }

    /// Breaks `words` so that no line passes `width`; the first begins at column `from`, the others at `hang`.
    private mutating func fill(_ words: String, from: Int, hang: Int) {
        var column = from
        var isFirst = true
        for word in words.split(separator: " ") {
            if !isFirst, column + 1 + word.count > width {
                text += "\n" + String(repeating: " ", count: hang)
                column = hang
            } else if !isFirst {
                text += " "
                column += 1
            }
            text += word
            column += word.count
            isFirst = false
        }
        text += "\n"
    }

    private func split(_ text: String) -> [[Substring]] {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .split(separator: "", omittingEmptySubsequences: true)
            .map(Array.init)
    }
}
