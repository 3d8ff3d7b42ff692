import GEM

extension TowerOfHanoi {
    func writeInstructions(into text: inout Text) {
        text.append("Move all ")
        text.append(disks)
        text.append(" disks from tower A to tower C within ")
        text.append(episode.maxTurns)
        text.append(
            #"""
             turns.
            Each tower is shown as a list from the bottom disk to the top one; a larger number is a larger disk. A move \#
            takes the top disk of one tower to another tower, never onto a smaller disk.
            Write the two towers in a box, such as \boxed{A C}. The last box in your answer counts.
            """#)
    }

    func writeBoard(into text: inout Text) {
        for tower in 0..<3 {
            if tower > 0 { text.append("\n") }
            append(tower: tower, to: &text)
            text.append(": [")
            var separator: StaticString = ""
            for disk in (0..<disks).reversed() where towers[tower] & 1 << UInt32(disk) != 0 {
                text.append(separator)
                text.append(disk + 1)
                separator = ", "
            }
            text.append("]")
        }
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{from to}"#) }

    /// The towers side by side, a disk d cells wide on both sides of its pole.
    func draw(colours: Bool, into text: inout Text) {
        for level in (0..<disks).reversed() {
            for tower in 0..<3 {
                let onTower = (0..<disks).reversed().filter { towers[tower] & 1 << UInt32($0) != 0 }
                let disk = level < onTower.count ? onTower[level] + 1 : 0
                append(" ", disks - disk + 1, to: &text)
                if disk > 0 {
                    if colours { text.append(Self.palette[disk % Self.palette.count]) }
                    append(colours ? "█" : "=", disk, to: &text)
                    text.append(colours ? "█" : "=")
                    append(colours ? "█" : "=", disk, to: &text)
                } else {
                    if colours { text.append(Style.dim) }
                    text.append(colours ? "│" : "|")
                }
                if colours { text.append(Style.plain) }
                append(" ", disks - disk + 1, to: &text)
            }
            text.append("\n")
        }
        for tower in 0..<3 {
            append(colours ? "─" : "-", disks + 1, to: &text)
            append(tower: tower, to: &text)
            append(colours ? "─" : "-", disks + 1, to: &text)
        }
        text.append("\n")
    }

    private func append(_ piece: StaticString, _ count: Int, to text: inout Text) {
        for _ in 0..<count { text.append(piece) }
    }

    private static let palette: [StaticString] = [
        Style.goal, Style.player, Style.box, Style.success, Style.wall, Style.red,
    ]
}
