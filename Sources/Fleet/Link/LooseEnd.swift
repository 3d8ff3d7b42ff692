import CLinux
import Synchronization
package import Transport

/// One end of a pair of joined sockets, on its way to whoever will use it.
package final class LooseEnd: Sendable {
    private let number: Mutex<Int32>

    private init(_ number: Int32) { self.number = Mutex(number) }

    deinit { _ = take() }

    /// Two ends: what goes into one comes out of the other.
    ///
    /// - Throws: ``SystemCallError`` without descriptors.
    package static func pair() throws(SystemCallError) -> (LooseEnd, LooseEnd) {
        var numbers: [Int32] = [-1, -1]
        try SystemCallError.check(rock_stream_pair(&numbers), "socketpair")
        return (LooseEnd(numbers[0]), LooseEnd(numbers[1]))
    }

    /// Gives the descriptor away, once.
    package func take() -> OwnedDescriptor {
        OwnedDescriptor(
            number.withLock { number in
                defer { number = -1 }
                return number
            })
    }

    /// Gives it away as a socket of `loop`. Call it there.
    ///
    /// - Throws: ``SystemCallError`` when the loop can watch no more descriptors.
    package func socket(on loop: EventLoop) throws(SystemCallError) -> StreamSocket {
        let socket = StreamSocket(take(), on: loop)
        try socket.watch()
        return socket
    }
}
