import CLinux
import Glibc
import Transport

/// A process of this machine that is another's child.
struct ProcessIdentity: Equatable, Sendable {
    let number: Int32
    /// When it started, in clock ticks since the machine did: no other process has had both.
    let start: UInt64

    /// The first process of a container; `nil` where this machine does not see it as such, because the engine counts
    /// processes in another namespace or the container has ended.
    init?(_ number: Int32, of container: String) {
        guard number > 1, let text = KernelFile.read("/proc/\(number)/stat"), let start = Self.start(in: text),
            let cgroups = KernelFile.read("/proc/\(number)/cgroup"), cgroups.contains(container)
        else { return nil }
        self.number = number
        self.start = start
    }

    /// Whether root inside is another user outside; `nil` where that cannot be read.
    var mapsUsers: Bool? {
        guard let text = KernelFile.read("/proc/\(number)/uid_map") else { return nil }
        let words = text.split(whereSeparator: \.isWhitespace)
        return words.count >= 3 && !(words[0] == "0" && words[1] == "0")
    }

    /// A descriptor that becomes readable when this very process ends; `nil` where it has ended.
    func watch(on loop: EventLoop) -> ReadableDescriptor? {
        let descriptor = rock_pidfd_open(number)
        guard descriptor >= 0 else { return nil }
        let owned = OwnedDescriptor(descriptor)
        // The number may have been given out again before the descriptor was opened, but not after.
        guard let text = KernelFile.read("/proc/\(number)/stat"), Self.start(in: text) == start else { return nil }
        return ReadableDescriptor(owned, on: loop)
    }

    /// Field 22 of `/proc/PID/stat`, counted behind the name, which may hold anything.
    private static func start(in stat: String) -> UInt64? {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[end...].split(separator: " ")
        return fields.count > 20 ? UInt64(fields[20]) : nil
    }
}
