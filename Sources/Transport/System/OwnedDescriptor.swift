import Glibc

/// A file descriptor with one owner: closed when the owner lets go of it.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// The number the kernel knows it by; valid as long as this value lives.
    package let rawValue: Int32

    /// Takes over `rawValue`, which nobody else may close.
    package init(_ rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Gives the descriptor up without closing it: the caller owns it now.
    package consuming func release() -> Int32 {
        let descriptor = rawValue
        discard self
        return descriptor
    }

    deinit {
        // EINTR is not retried: Linux has released the number already, and a second close could hit a stranger's.
        _ = close(rawValue)
    }
}
