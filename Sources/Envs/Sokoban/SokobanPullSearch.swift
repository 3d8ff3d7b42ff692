/// The search that makes a puzzle: from the solved room it walks the player backwards, dragging every box that it can, and
/// keeps the arrangement that scores highest.
///
/// It is depth-first with a limit, and a map that was recorded near the limit stays recorded. So the order of visits
/// decides the result, and nothing smarter would find the same room. What is left is to make a visit cheap: a map is one
/// number that changes by a few bits per move, and moves are undone instead of copied.
enum SokobanPullSearch {
    /// The arrangement that `Key`'s search likes best; `nil` where no arrangement scores.
    static func farthest(
        ground: [SokobanRoom.Ground], columns: Int, player: Int, goals: [Int]
    ) -> (player: Int, boxes: [Int])? {
        let floor = SokobanFloor(ground: ground, columns: columns)
        if floor.cells.count + floor.playerBits + goals.count < UInt64.bitWidth {
            var walk = SokobanPullWalk<UInt64>(floor: floor, player: player, goals: goals)
            return walk.run()
        }
        var walk = SokobanPullWalk<UInt128>(floor: floor, player: player, goals: goals)
        return walk.run()
    }
}

/// The cells that are no wall, numbered in reading order, and how they hang together.
struct SokobanFloor {
    /// Stands for a wall in ``next``.
    static let wall = UInt8.max

    /// Where in the room each numbered cell is.
    private(set) var cells: [Int] = []
    /// Four neighbours of each numbered cell: above, below, left, right.
    private(set) var next: [UInt8] = []
    /// The number of each cell of the room.
    private(set) var number: [UInt8]
    private let columns: Int

    init(ground: [SokobanRoom.Ground], columns: Int) {
        self.columns = columns
        number = Array(repeating: Self.wall, count: ground.count)
        cells.reserveCapacity(ground.count)
        for (cell, ground) in ground.enumerated() where ground != .wall {
            number[cell] = UInt8(cells.count)
            cells.append(cell)
        }
        next.reserveCapacity(cells.count * 4)
        for cell in cells {
            for step in [-columns, columns, -1, 1] { next.append(number[cell + step]) }
        }
    }

    /// How many bits hold a numbered cell.
    var playerBits: Int { Int.bitWidth - max(cells.count - 1, 1).leadingZeroBitCount }

    /// The Manhattan distance between two numbered cells.
    func distance(_ one: UInt8, _ other: UInt8) -> Int {
        let (row, column) = cells[Int(one)].quotientAndRemainder(dividingBy: columns)
        let (otherRow, otherColumn) = cells[Int(other)].quotientAndRemainder(dividingBy: columns)
        return abs(row - otherRow) + abs(column - otherColumn)
    }
}

/// One run of the search. `Key` must be wider than the number of floor cells, boxes and player bits together.
///
/// A key holds from the lowest bit on: the cells with a box that was moved, one bit per box that was not, the
/// player's cell; and the highest bit, so that no key is 0. Boxes that moved and boxes that did not are different
/// symbols in the original's maps, therefore also here.
private struct SokobanPullWalk<Key: FixedWidthInteger & UnsignedInteger> {
    /// The original counts down from 300 and gives up at 0, before it looks at a map.
    private static var depthLimit: Int { 299 }
    private static var recordLimit: Int { 300_000 }
    private static var nobody: UInt8 { .max }

    /// A move that can be taken back, and the direction to try next after it.
    private struct Frame {
        var direction: UInt8 = 0
        var cameFrom: UInt8
        /// The box that was dragged along; ``nobody`` where none was.
        var box: UInt8
        /// Whether it was moved for the first time.
        var isFirstPull: Bool
    }

    private let floor: SokobanFloor
    private let goals: [UInt8]
    private let isGoal: [Bool]
    private let playerShift: Int

    private var player: UInt8
    private var key: Key
    private var position: [UInt8]
    private var boxAt: [UInt8]
    private var hasMoved: [Bool]
    private var coveredGoals: Int
    private var displacement = 0
    private var pulls = 0

    private var recorded = SokobanMapSet<Key>()
    private var path: [Frame] = []
    private var bestScore = 0
    private var best: (player: UInt8, boxes: [UInt8])?

    init(floor: SokobanFloor, player: Int, goals: [Int]) {
        self.floor = floor
        self.goals = goals.map { floor.number[$0] }
        self.player = floor.number[player]
        position = self.goals
        var isGoal = Array(repeating: false, count: floor.cells.count)
        var boxAt = Array(repeating: Self.nobody, count: floor.cells.count)
        for (box, cell) in self.goals.enumerated() {
            isGoal[Int(cell)] = true
            boxAt[Int(cell)] = UInt8(box)
        }
        self.isGoal = isGoal
        self.boxAt = boxAt
        hasMoved = Array(repeating: false, count: goals.count)
        coveredGoals = goals.count
        playerShift = floor.cells.count + goals.count
        let unmoved = ((1 as Key) << goals.count - 1) << floor.cells.count
        key = 1 << (Key.bitWidth - 1) | Key(self.player) << playerShift | unmoved
    }

    mutating func run() -> (player: Int, boxes: [Int])? {
        _ = recorded.insert(key)
        path.append(Frame(cameFrom: player, box: Self.nobody, isFirstPull: false))
        while let direction = path.last?.direction {
            if direction == 4 {
                takeBack()
            } else {
                path[path.count - 1].direction = direction + 1
                if path.count < Self.depthLimit, recorded.count < Self.recordLimit { tryMove(Int(direction)) }
                if recorded.count >= Self.recordLimit { break }
            }
        }
        guard let best else { return nil }
        return (floor.cells[Int(best.player)], best.boxes.map { floor.cells[Int($0)] })
    }

    /// Visits the map behind a move, unless the move is blocked or the map is known.
    private mutating func tryMove(_ direction: Int) {
        let ahead = floor.next[Int(player) * 4 + direction]
        guard ahead != SokobanFloor.wall, boxAt[Int(ahead)] == Self.nobody else { return }
        let behind = floor.next[Int(player) * 4 + (direction ^ 1)]  // up–down and left–right are neighbours
        let box = behind == SokobanFloor.wall ? Self.nobody : boxAt[Int(behind)]

        var nextKey = key ^ Key(player ^ ahead) << playerShift
        var isFirstPull = false
        if box != Self.nobody {
            isFirstPull = !hasMoved[Int(box)]
            nextKey ^= 1 << Int(player)
            nextKey ^= isFirstPull ? 1 << (floor.cells.count + Int(box)) : 1 << Int(behind)
        }
        guard recorded.insert(nextKey) else { return }

        path.append(Frame(cameFrom: player, box: box, isFirstPull: isFirstPull))
        key = nextKey
        if box != Self.nobody {
            hasMoved[Int(box)] = true
            place(Int(box), on: player)
            pulls += 1
        }
        player = ahead
        scoreMap()
    }

    private mutating func takeBack() {
        let frame = path.removeLast()
        guard !path.isEmpty else { return }
        let ahead = player
        player = frame.cameFrom
        key ^= Key(player ^ ahead) << playerShift
        guard frame.box != Self.nobody else { return }
        let box = Int(frame.box)
        // The direction that led here is the one before the next to be tried.
        let direction = Int(path[path.count - 1].direction) - 1
        let behind = floor.next[Int(player) * 4 + (direction ^ 1)]
        key ^= 1 << Int(player)
        key ^= frame.isFirstPull ? 1 << (floor.cells.count + box) : 1 << Int(behind)
        if frame.isFirstPull { hasMoved[box] = false }
        place(box, on: behind)
        pulls -= 1
    }

    private mutating func place(_ box: Int, on cell: UInt8) {
        let old = position[box]
        boxAt[Int(old)] = Self.nobody
        boxAt[Int(cell)] = UInt8(box)
        position[box] = cell
        coveredGoals += (isGoal[Int(cell)] ? 1 : 0) - (isGoal[Int(old)] ? 1 : 0)
        displacement += floor.distance(cell, goals[box]) - floor.distance(old, goals[box])
    }

    private mutating func scoreMap() {
        guard coveredGoals == 0, !isGoal[Int(player)] else { return }
        let score = pulls * displacement
        guard score > bestScore else { return }
        bestScore = score
        best = (player, position)
    }
}

/// A set of keys that are not 0: open addressing over one array that starts small and doubles.
///
/// Five eighths full at most: 300,000 keys fit into 2¹⁹ slots, 4 MB, or 8 MB for the keys of large rooms.
private struct SokobanMapSet<Key: FixedWidthInteger & UnsignedInteger> {
    private(set) var count = 0
    private var slots = [Key](repeating: 0, count: 512)

    /// Adds `key`; false where it is there already.
    mutating func insert(_ key: Key) -> Bool {
        let mask = slots.count - 1
        var slot = Self.hash(key) & mask
        while slots[slot] != 0 {
            if slots[slot] == key { return false }
            slot = (slot + 1) & mask
        }
        slots[slot] = key
        count += 1
        if count * 8 > slots.count * 5 { grow() }
        return true
    }

    private mutating func grow() {
        let old = slots
        slots = [Key](repeating: 0, count: old.count * 2)
        let mask = slots.count - 1
        for key in old where key != 0 {
            var slot = Self.hash(key) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = key
        }
    }

    private static func hash(_ key: Key) -> Int {
        var word = UInt64(truncatingIfNeeded: key)
        if Key.bitWidth > 64 { word ^= UInt64(truncatingIfNeeded: key >> (Key.bitWidth / 2)) &* 0x9FB2_1C65_1E98_DF25 }
        word = (word ^ word >> 29) &* 0xBF58_476D_1CE4_E5B9
        return Int(truncatingIfNeeded: word >> 32)
    }
}
