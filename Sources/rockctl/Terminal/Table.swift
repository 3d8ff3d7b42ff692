/// Rows in columns, as wide as they need to be.
struct Table {
    private let head: [String]
    private let rows: [[String]]
    private let right: Set<Int>

    /// - Parameters:
    ///   - head: The columns' names.
    ///   - rows: Their cells, as many each.
    ///   - right: The columns whose cells end in line: numbers.
    init(_ head: [String], _ rows: [[String]], right: Set<Int> = []) {
        (self.head, self.rows, self.right) = (head, rows, right)
    }

    func text(style: Style) -> String {
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        let line = { (cells: [String]) in
            var text = ""
            for (column, cell) in cells.enumerated() {
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                let isLast = column == cells.count - 1
                text += right.contains(column) ? blanks + cell : isLast ? cell : cell + blanks
                text += isLast ? "" : "  "
            }
            return text
        }
        return style.paint(line(head), .heading) + "\n" + rows.map { line($0) + "\n" }.joined()
    }
}
