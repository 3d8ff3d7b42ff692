import GEM

extension Bandit {
    func writeInstructions(into text: inout Text) {
        text.append("Before you are ")
        text.append(chances.count)
        text.append(" arms, lettered from A to ")
        append(arm: chances.count - 1, to: &text)
        text.append(". Each has its own chance of paying")
        text.append(showsChances ? ", shown behind its letter" : ", which you are not told")
        text.append(isNoisy ? ". An arm that pays gives 1." : "; it pays that chance itself.")
        text.append(" Earn as much as you can within ")
        text.append(episode.maxTurns)
        text.append(episode.maxTurns == 1 ? " turn." : " turns.")
        text.append("\nWrite the letter of one arm in a box, such as \\boxed{")
        append(arm: example, to: &text)
        text.append("}. The last box in your answer counts.")
    }

    func writeBoard(into text: inout Text) {
        for arm in chances.indices {
            if arm > 0 { text.append(showsChances ? "\n" : " ") }
            append(arm: arm, to: &text)
            guard showsChances else { continue }
            text.append(chances[arm], width: 5)
            text.append("%")
        }
    }

    func writeActionForm(into text: inout Text) { text.append(#"\boxed{letter}"#) }

    /// A line per arm with a bar as long as its chance; a person may see what the agent does not.
    func draw(colours: Bool, into text: inout Text) {
        let best = chances.max()
        for (arm, chance) in chances.enumerated() {
            if colours, arm == choice { text.append(Style.player) }
            text.append(arm == choice ? (colours ? "▶ " : "> ") : "  ")
            append(arm: arm, to: &text)
            text.append(chance, width: 5)
            text.append("%  ")
            if colours { text.append(chance == best ? Style.success : arm == choice ? Style.player : Style.wall) }
            for _ in 0..<(chance + 2) / 4 { text.append(colours ? "█" : "=") }
            if colours { text.append(Style.plain) }
            text.append("\n")
        }
    }
}
