import CLinux
import Glibc
import Transport

/// An anonymous file in memory, for handing text to a program that has it open.
struct MemoryFile: ~Copyable {
    let descriptor: OwnedDescriptor

    /// - Throws: `SystemCallError` without descriptors.
    init(_ name: String) throws(SystemCallError) {
        descriptor = OwnedDescriptor(try SystemCallError.check(rock_memory_file(name), "memfd_create", name))
    }

    /// Puts `bytes` in the place of what it holds, to be read from the start by all who share the descriptor.
    ///
    /// - Throws: `SystemCallError` without memory.
    func replace(with bytes: [UInt8]) throws(SystemCallError) {
        let number = descriptor.rawValue
        guard ftruncate(number, 0) == 0 else { throw SystemCallError("ftruncate", "a memory file", errno: errno) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                pwrite(number, bytes.baseAddress.map { $0 + written }, bytes.count - written, off_t(written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemCallError("pwrite", "a memory file", errno: errno) }
            written += count
        }
        lseek(number, 0, SEEK_SET)
    }

    consuming func takeDescriptor() -> OwnedDescriptor { descriptor }
}
