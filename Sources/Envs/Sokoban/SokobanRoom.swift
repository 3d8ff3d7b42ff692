/// A Sokoban level as it is handed to the player.
struct SokobanRoom: Equatable, Sendable {
    /// What never changes, in reading order.
    enum Ground: UInt8, Sendable { case wall, floor, goal }

    let columns: Int
    /// Row by row; the player stands and boxes lie on ground of their own.
    let ground: [Ground]
    /// The player's cell, as an index into `ground`.
    let player: Int
    /// The boxes' cells.
    let boxes: [Int]
}
