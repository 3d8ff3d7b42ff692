import GEM
import Synchronization

/// Which ranges of user ids running sandboxes have: no two the same.
final class IDRanges: Sendable {
    private let first: UInt32
    private let count: Int
    private let used = Mutex<Set<Int>>([])

    /// - Parameters:
    ///   - first: The first id of the first range.
    ///   - count: How many ranges there are.
    init(first: UInt32, count: Int) {
        // The last id must be one: the kernel's highest means nobody at all.
        let room = (Int(UInt32.max) - Int(first)) / Int(Self.size)
        self.first = first
        self.count = min(count, room)
    }

    static let size: UInt32 = 65_536

    /// Takes the lowest free range.
    ///
    /// - Throws: ``Failure`` `overloaded` when all are in use.
    func take() throws(Failure) -> Int {
        let index = used.withLock { used -> Int? in
            // A running machine has its lowest ranges in use, one after the other.
            guard let index = (0..<count).first(where: { !used.contains($0) }) else { return nil }
            used.insert(index)
            return index
        }
        guard let index else {
            throw Failure(.overloaded, "All \(count) ranges of user ids are in use. Stop a sandbox, then try again.")
        }
        return index
    }

    /// Marks the range of a sandbox that runs already.
    func claim(_ index: Int) { used.withLock { _ = $0.insert(index) } }

    func giveBack(_ index: Int) { used.withLock { _ = $0.remove(index) } }

    /// The range's first id.
    func firstID(_ index: Int) -> UInt32 { first + UInt32(index) * Self.size }
}
