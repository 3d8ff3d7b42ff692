import GEM

/// Makes rooms by carving floor, placing boxes on goals, and pulling the boxes away.
///
/// The procedure, its order of draws and its flaws are those of the generator that GEM uses (a descendant of gym-sokoban's),
/// because a seed must give the same room. Most tries fail in the first two parts, so these work on buffers that
/// are used again.
struct SokobanRoomMaker {
    private static let tries = 1000

    private let rows: Int
    private let columns: Int
    private let boxCount: Int
    private var shape: MersenneTwister
    private var placement: PCG64
    private var ground: [SokobanRoom.Ground]
    /// Floor that holds nothing yet, in reading order.
    private var free: [Int] = []

    /// A maker whose two generators start from `seed`.
    init(rows: Int, columns: Int, boxes: Int, seed: UInt64) {
        self.rows = rows
        self.columns = columns
        boxCount = boxes
        shape = MersenneTwister(seed: seed)
        placement = PCG64(seed: seed)
        ground = Array(repeating: .wall, count: rows * columns)
    }

    /// The first room that can be solved; `nil` where all tries fail.
    mutating func make() -> SokobanRoom? {
        for _ in 0..<Self.tries {
            carve()
            guard let (player, goals) = place() else { continue }
            for goal in goals { ground[goal] = .goal }
            guard !isStuck(boxes: goals, player: player) else { continue }
            guard
                let pulled = SokobanPullSearch.farthest(ground: ground, columns: columns, player: player, goals: goals)
            else { continue }
            guard !isStuck(boxes: pulled.boxes, player: pulled.player) else { continue }
            return SokobanRoom(columns: columns, ground: ground, player: pulled.player, boxes: pulled.boxes)
        }
        return nil
    }

    /// Walks at random through solid rock and cuts one of five small shapes around every place it comes to.
    private mutating func carve() {
        for cell in ground.indices { ground[cell] = .wall }
        var way = shape.below(4)
        var row = shape.between(1, rows - 1)
        var column = shape.between(1, columns - 1)
        for _ in 0..<Int(1.7 * Double(rows + columns)) {
            if shape.unit() < 0.35 { way = shape.below(4) }
            row = min(max(row + Self.rowStep(way), 1), rows - 2)
            column = min(max(column + Self.columnStep(way), 1), columns - 2)
            cut(shape.below(5), around: row * columns + column)
        }
        for column in 0..<columns {
            ground[column] = .wall
            ground[(rows - 1) * columns + column] = .wall
        }
        for row in 0..<rows {
            ground[row * columns] = .wall
            ground[row * columns + columns - 1] = .wall
        }
    }

    /// The ways of the walk: down, right, up, left.
    private static func rowStep(_ way: Int) -> Int { way == 0 ? 1 : way == 2 ? -1 : 0 }
    private static func columnStep(_ way: Int) -> Int { way == 1 ? 1 : way == 3 ? -1 : 0 }

    private mutating func cut(_ mask: Int, around cell: Int) {
        ground[cell] = .floor
        switch mask {
        case 0:
            ground[cell - 1] = .floor
            ground[cell + 1] = .floor
        case 1:
            ground[cell - columns] = .floor
            ground[cell + columns] = .floor
        case 2:
            ground[cell - 1] = .floor
            ground[cell + columns] = .floor
        case 3:
            ground[cell - 1] = .floor
            ground[cell + columns - 1] = .floor
            ground[cell + columns] = .floor
        default:
            ground[cell + 1] = .floor
            ground[cell + columns] = .floor
        }
    }

    /// Draws the player's cell, then the goals; `nil` where there is no room for them.
    private mutating func place() -> (player: Int, goals: [Int])? {
        free.removeAll(keepingCapacity: true)
        for cell in ground.indices where ground[cell] == .floor { free.append(cell) }
        guard free.count > boxCount + 1 else { return nil }
        let player = free.remove(at: placement.below(free.count))
        let goals = (0..<boxCount).map { _ in free.remove(at: placement.below(free.count)) }
        return (player, goals)
    }

    /// Whether the generator gives the room up.
    ///
    /// Its corner test takes two opposite walls for a corner and overlooks two of the four corners; rooms depend on it.
    private func isStuck(boxes: [Int], player: Int) -> Bool {
        for box in boxes where ground[box] != .goal {
            var walls = 0  // one bit a direction
            for direction in Direction.allCases where ground[box + step(direction)] == .wall {
                walls |= 1 << direction.rawValue
            }
            switch walls {
            case 0b0011, 0b0110, 0b1100, 0b1001, 0b0111, 0b1011, 0b1101, 0b1110, 0b1111: return true
            default: break
            }
        }
        guard boxes.count >= 2 else { return false }
        let isOpen = { (cell: Int) in ground[cell] != .wall && !boxes.contains(cell) }
        return boxes.contains { box in
            !Direction.allCases.contains { direction in
                let ahead = box + step(direction)
                return ahead != player && isOpen(ahead) && isOpen(box - step(direction))
            }
        }
    }

    /// How far the neighbour in `direction` is away in reading order; no box ever lies on the rim.
    private func step(_ direction: Direction) -> Int {
        switch direction {
        case .up: -columns
        case .down: columns
        case .left: -1
        case .right: 1
        }
    }
}
