import CLinux

/// Tells when a sandbox should move to the processor of the loop that calls it.
///
/// A call wakes the sandbox and its reply wakes the loop. Across processors each wake-up is an interrupt, which on a
/// virtual machine costs more than the rest of the call. So a sandbox runs where its loop runs, and the loop wherever the
/// kernel finds it room.
struct Footsteps {
    /// Calls in a row from a processor that is not the sandbox's before it moves there. Moving costs more than a few calls
    /// from afar, a loop may be somewhere for a moment only, and a sandbox that is seldom called stays free to run wherever
    /// there is room.
    private static let patience = 16

    private var processor: Int32 = -1
    private var strays = 0

    /// Called on the loop's thread before each call.
    ///
    /// - Returns: The processor to move to; `nil` to stay.
    mutating func next() -> Int32? {
        let current = rock_current_processor()
        guard current >= 0, current != processor else {
            strays = 0
            return nil
        }
        strays += 1
        guard strays >= Self.patience else { return nil }
        processor = current
        strays = 0
        return current
    }
}
