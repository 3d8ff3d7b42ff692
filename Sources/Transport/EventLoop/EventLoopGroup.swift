import CLinux
import Synchronization

/// Loops that share the work of one process.
package final class EventLoopGroup: Sendable {
    package let loops: [EventLoop]
    private let turns = Atomic<Int>(0)

    /// Starts the threads.
    ///
    /// - Parameter count: How many; by default one for each processor the process may use.
    /// - Throws: ``SystemCallError`` when the process is out of descriptors or threads.
    package init(count: Int = EventLoopGroup.processors) throws {
        precondition(count > 0, "a group has at least one loop")
        loops = try (0..<count).map { try EventLoop(name: "loop-\($0)") }
    }

    /// Loops that somebody else has started, and ends.
    package init(of loops: [EventLoop]) {
        precondition(!loops.isEmpty, "a group has at least one loop")
        self.loops = loops
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
