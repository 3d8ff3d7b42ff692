import CImages
import GEM
import Glibc
import Transport

/// The lock of a store, held for moments while its index changes: by one thread of one process at a time.
struct StoreLock: Sendable {
    let path: String

    /// Runs `body` with the lock. Does not nest.
    func held<Result>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        // Opened afresh each time, for the lock belongs to the opened file: so it parts threads as well as processes.
        let file = try Files.open(path, O_RDWR | O_CREAT)
        while flock(file.rawValue, LOCK_EX) != 0 {
            guard errno == EINTR else { throw Failure("flock", path, errno) }
        }
        return try body()
    }
}
