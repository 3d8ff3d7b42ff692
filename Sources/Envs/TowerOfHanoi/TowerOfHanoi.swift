import GEM

/// Move a tower of disks from A to C, one disk at a time, never a larger one onto a smaller.
///
/// - Action: `\boxed{A C}`: two towers, upper or lower case, with or without blanks and one comma between them.
/// - Board: three lines, each tower's disks from the bottom up: `A: [3, 2, 1]`.
/// - Rewards: 1 for the whole tower on C; at the turn limit the share of disks that are on C; otherwise 0.
/// - Endings: all disks on C, the turn limit, unreadable text.
/// - Source: GEM's TowerofHanoi, after TextArena. Nothing is drawn but the size in random mode.
struct TowerOfHanoi: Game {
    var episode: Episode

    private let size: Size?
    private(set) var disks = 0
    /// The disks of A, B and C; bit d stands for disk d+1, so that the lowest bit is the disk on top.
    private(set) var towers: [UInt32] = [0, 0, 0]

    /// How many disks, and how many turns.
    typealias Size = (disks: Int, maxTurns: Int)

    /// A game of `size`, or of a size drawn at every reset.
    init(size: Size?, entropy: UInt64) {
        self.size = size
        episode = Episode(entropy: entropy, maxTurns: 0)
    }

    mutating func begin(seed: Seed?) {
        (disks, episode.maxTurns) = size ?? episode.stream.pick([(3, 10), (4, 20), (5, 35)])
        towers = [1 << UInt32(disks) - 1, 0, 0]
    }

    /// From one tower to another, each 0, 1 or 2.
    struct Move: Equatable {
        var source: Int
        var target: Int
    }

    func read(_ action: Action) -> Move? {
        BoxedAction.last(in: action) { text, cursor in
            guard let source = Self.tower(in: text, &cursor) else { return nil }
            _ = cursor.blanks(in: text)
            _ = cursor.take(UInt8(ascii: ","), in: text)
            _ = cursor.blanks(in: text)
            guard let target = Self.tower(in: text, &cursor) else { return nil }
            return Move(source: source, target: target)
        }
    }

    private static func tower(in text: Action, _ cursor: inout BoxCursor) -> Int? {
        guard let letter = cursor.letter(in: text) else { return nil }
        let number = Int(letter | 0x20) - 0x61
        return number < 3 ? number : nil
    }

    mutating func play(_ move: Move, message: inout Text) -> Play {
        let disk = towers[move.source].trailingZeroBitCount
        guard towers[move.source] != 0 else {
            message.append("tower ")
            append(tower: move.source, to: &message)
            message.append(" is empty, so nothing moved.")
            return .nothing
        }
        guard disk <= towers[move.target].trailingZeroBitCount else {
            message.append("disk ")
            message.append(disk + 1)
            message.append(" is larger than the top of tower ")
            append(tower: move.target, to: &message)
            message.append(", so nothing moved.")
            return .nothing
        }
        towers[move.source] &= ~(1 << UInt32(disk))
        towers[move.target] |= 1 << UInt32(disk)
        message.append("disk ")
        message.append(disk + 1)
        message.append(" went from ")
        append(tower: move.source, to: &message)
        message.append(" to ")
        append(tower: move.target, to: &message)
        guard towers[2].nonzeroBitCount == disks else {
            message.append(".")
            return .nothing
        }
        message.append(", and the whole tower stands on C: solved.")
        return Play(reward: 1, ends: true)
    }

    func rewardAtLimit(_ move: Move, earned: Double) -> Double { Double(towers[2].nonzeroBitCount) / Double(disks) }

    /// GEM has no sampler here; ours draws one of the moves that change something.
    mutating func sampleAction(into text: inout Text) {
        let legal = (0..<9).map { Move(source: $0 / 3, target: $0 % 3) }.filter {
            $0.source != $0.target
                && towers[$0.source].trailingZeroBitCount < towers[$0.target].trailingZeroBitCount
        }
        let move = episode.stream.pick(legal)
        text.append(#"\boxed{"#)
        append(tower: move.source, to: &text)
        text.append(" ")
        append(tower: move.target, to: &text)
        text.append("}")
    }

    func append(tower: Int, to text: inout Text) { text.append(ascii: UInt8(ascii: "A") + UInt8(tower)) }
}

extension TowerOfHanoi {
    static let specs = [spec("easy", 3, 10), spec("hard", 5, 35), spec("random", nil, nil)]

    private static func spec(_ variant: String, _ disks: Int?, _ maxTurns: Int?) -> EnvironmentSpec {
        .game(
            "TowerofHanoi", variant, summary: "Move a tower of disks from A to C.",
            actionGrammar: #"\boxed{A|B|C A|B|C}"#, rewardRange: -0.1...1, maxTurns: maxTurns,
            usesSeed: disks == nil,
            parameters: [
                Parameter(
                    "num_disks", .integer(1...20), default: .of(disks), isOptional: true, summary: "Disks of the tower."
                )
            ]
        ) { arguments, entropy in
            if let disks = arguments.integer("num_disks"), let maxTurns = arguments.integer("max_turns") {
                TowerOfHanoi(size: (disks, maxTurns), entropy: entropy)
            } else {
                TowerOfHanoi(size: nil, entropy: entropy)
            }
        }
    }
}

extension TowerOfHanoi {
    mutating func codeGame(_ state: inout StateCoder) throws(Failure) {
        try state.integer(&disks, in: 1...20)
        for tower in towers.indices { try state.word(&towers[tower]) }
        // Every disk stands on exactly one tower.
        try state.check(towers.reduce(0, |) == 1 << UInt32(disks) - 1)
        try state.check(towers.reduce(0) { $0 + $1.nonzeroBitCount } == disks)
    }
}
