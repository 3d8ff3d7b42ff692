import CLinux
import Transport

/// A pipe, both ends close-on-exec.
struct Pipe: ~Copyable {
    let reader: OwnedDescriptor
    let writer: OwnedDescriptor

    /// - Throws: `SystemCallError` without descriptors.
    init() throws {
        var ends: [Int32] = [-1, -1]
        try SystemCallError.check(rock_pipe(&ends, 0), "pipe2")
        reader = OwnedDescriptor(ends[0])
        writer = OwnedDescriptor(ends[1])
    }

    /// Keeps the read end and closes the other.
    consuming func takeReader() -> OwnedDescriptor { reader }

    /// Keeps the write end and closes the other.
    consuming func takeWriter() -> OwnedDescriptor { writer }
}
