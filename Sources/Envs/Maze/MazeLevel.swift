import GEM

/// A maze, its start and its exit, and how far every cell is from the exit.
///
/// The plan is a square of rooms with walls between them: rooms lie where row and column are odd, and the cell between two
/// rooms is a wall or a passage. So n rooms a side make 2n + 1 cells.
struct MazeLevel: Equatable, Sendable {
    /// Marks a wall in ``distances``.
    static let wall = UInt16.max

    /// Rooms a side.
    let rooms: Int
    let start: Int
    let exit: Int
    /// Moves from each cell to the exit, found by a breadth-first search; ``wall`` for walls.
    let distances: [UInt16]

    /// Cells a side.
    var side: Int { 2 * rooms + 1 }
    /// The fewest moves from the start to the exit.
    var shortest: Int { Int(distances[start]) }

    /// The level before the first reset: a single room.
    init() {
        (rooms, start, exit) = (1, 4, 4)
        distances = [Self.wall, Self.wall, Self.wall, Self.wall, 0, Self.wall, Self.wall, Self.wall, Self.wall]
    }

    /// Draws a level of `difficulty` (1…), whose shortest way has exactly 4 · (`difficulty` + 1) moves.
    ///
    /// There always is such a way: two opposite corners of the difficulty + 2 rooms a side are at least twice
    /// difficulty + 1 rooms apart, and every shorter distance occurs along the way between them.
    ///
    /// - Parameters:
    ///   - difficulty: 1 or more.
    ///   - loopPercent: How many of the walls that are left between rooms are opened; 0 leaves one way between any two rooms.
    ///   - stream: Gives the passages, the loops, the start and the exit, in this order.
    init(difficulty: Int, loopPercent: Int, from stream: inout MersenneTwister) {
        rooms = difficulty + 2
        let side = 2 * rooms + 1
        let isOpen = Self.carve(rooms: rooms, loopPercent: loopPercent, from: &stream)
        let wanted = UInt16(4 * (difficulty + 1))
        var exits = isOpen.indices.filter { $0 / side % 2 == 1 && $0 % side % 2 == 1 }
        stream.mix(&exits)
        for exit in exits {
            let distances = Self.search(from: exit, isOpen, side: side)
            let starts = distances.indices.filter { distances[$0] == wanted }
            guard !starts.isEmpty else { continue }
            (self.exit, self.distances, start) = (exit, distances, stream.pick(starts))
            return
        }
        preconditionFailure("a maze of \(rooms) rooms a side has two rooms \(wanted) moves apart")
    }

    /// The cell one step away; every cell that is no wall has four neighbours.
    func neighbour(of cell: Int, _ direction: Direction) -> Int { cell + Self.step(direction, side: side) }

    private static func step(_ direction: Direction, side: Int) -> Int {
        switch direction {
        case .up: -side
        case .down: side
        case .left: -1
        case .right: 1
        }
    }

    /// A walk that goes on into unseen rooms as long as it can and then back to the last room that has one.
    private static func carve(rooms: Int, loopPercent: Int, from stream: inout MersenneTwister) -> [Bool] {
        let side = 2 * rooms + 1
        var isOpen = [Bool](repeating: false, count: side * side)
        let isRoom = { (cell: Int) in
            1..<side - 1 ~= cell / side && cell / side % 2 == 1 && cell % side % 2 == 1
        }
        let beginning = (2 * stream.below(rooms) + 1) * side + 2 * stream.below(rooms) + 1
        isOpen[beginning] = true
        var way = [beginning]
        while let room = way.last {
            let ahead = Direction.allCases.map { step($0, side: side) }.filter {
                let next = room + 2 * $0
                return isOpen.indices ~= next && isRoom(next) && !isOpen[next]
            }
            guard !ahead.isEmpty else {
                way.removeLast()
                continue
            }
            let stride = stream.pick(ahead)
            isOpen[room + stride] = true
            isOpen[room + 2 * stride] = true
            way.append(room + 2 * stride)
        }
        for cell in isOpen.indices where !isOpen[cell] {
            let (row, column) = cell.quotientAndRemainder(dividingBy: side)
            guard 1..<side - 1 ~= row, 1..<side - 1 ~= column, row % 2 != column % 2 else { continue }
            if stream.below(100) < loopPercent { isOpen[cell] = true }
        }
        return isOpen
    }

    /// The distance of every cell from `exit`.
    private static func search(from exit: Int, _ isOpen: [Bool], side: Int) -> [UInt16] {
        var distances = [UInt16](repeating: wall, count: isOpen.count)
        distances[exit] = 0
        var queue = [exit]
        var next = 0
        while next < queue.count {
            let cell = queue[next]
            next += 1
            for direction in Direction.allCases {
                let neighbour = cell + step(direction, side: side)
                guard isOpen[neighbour], distances[neighbour] == wall else { continue }
                distances[neighbour] = distances[cell] + 1
                queue.append(neighbour)
            }
        }
        return distances
    }
}
