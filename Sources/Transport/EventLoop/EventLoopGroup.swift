import CLinux
import Synchronization

/// Loops that share the work of one process.
package final class EventLoopGroup: Sendable {
    package let loops: [EventLoop]
    private let turns = Atomic<Int>(0)

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - count: How many; by default one for each processor the process may use.
    ///   - isPinned: Whether each loop keeps to one processor, which ``EventLoop/processor`` then names. A process that
    ///     talks with one loop only, and is pinned to the same processor, is woken without a signal between processors:
    ///     on a virtual machine that halves what a call costs.
    /// - Throws: ``SystemCallError`` when the process is out of descriptors or threads.
    package init(count: Int = EventLoopGroup.processors, isPinned: Bool = false) throws {
        precondition(count > 0, "a group has at least one loop")
        let processors = Self.processors
        loops = try (0..<count).map { index in
            let processor = isPinned ? Int32(rock_processor(Int32(index % processors))) : nil
            return try EventLoop(name: "loop-\(index)", processor: processor)
        }
    }

    /// How many processors the process may use.
    package static var processors: Int { Int(rock_processor_count()) }

    /// The loop whose turn it is.
    package func next() -> EventLoop {
        let turn = turns.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: turn) % UInt(loops.count))]
    }

    /// Ends every thread and waits for it; see ``EventLoop/shutDown()``.
    package func shutDown() {
        for loop in loops { loop.shutDown() }
    }
}
