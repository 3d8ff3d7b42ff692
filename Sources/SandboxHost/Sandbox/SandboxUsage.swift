import Glibc

/// What a process holds, as the kernel counts it.
package struct SandboxUsage: Equatable, Sendable {
    /// Resident memory, what it shares with others included.
    package let memoryBytes: Int
    /// Open descriptors; `nil` where the kernel does not let us look, as it may with another user's process.
    package let descriptors: Int?

    /// Looks at `process`; `nil` where there is none.
    init?(of process: Int32) {
        guard process > 0, let text = KernelFile.read("/proc/\(process)/statm") else { return nil }
        // In pages: size, resident, and more.
        let pages = text.split(separator: " ").compactMap { Int($0) }
        guard pages.count > 1 else { return nil }
        memoryBytes = pages[1] * Int(sysconf(Int32(_SC_PAGESIZE)))
        let names = KernelFile.names(in: "/proc/\(process)/fd")
        // No sandbox is without one: it is called through a socket.
        descriptors = names.isEmpty ? nil : names.count
    }
}
