import CLinux
import GEM
import Glibc
import Transport

/// A guest that is building its sandbox.
struct SpawnedGuest: Sendable {
    let guest: Guest
    let control: GuestControl
    let loop: EventLoop
    fileprivate let log: GuestLog

    /// What it has written to its standard error so far.
    var text: String { log.text }
}

/// What a guest may write: a file in memory that cannot grow. A file on disk would let a sandbox fill the machine's.
final class GuestLog: Sendable {
    private static let size: UInt64 = 16 << 10
    fileprivate let descriptor: OwnedDescriptor

    fileprivate init() throws(Failure) {
        descriptor = OwnedDescriptor(try check(rock_bounded_file("sandbox-log", Self.size), "memfd_create"))
    }

    fileprivate var text: String {
        var bytes = [UInt8](repeating: 0, count: Int(Self.size))
        let count = max(0, pread(descriptor.rawValue, &bytes, bytes.count, 0))
        let text = String(decoding: bytes[..<count].prefix { $0 != 0 }, as: UTF8.self)
        return text.split(separator: "\n").suffix(5).joined(separator: " ")
    }
}

extension JailDriver {
    /// Starts the process that becomes the sandbox. It gets no further than its namespaces before it is told to go on.
    /// Blocks for about a millisecond.
    ///
    /// - Parameters:
    ///   - specification: What the sandbox is to be; checked.
    ///   - root: What its files are.
    ///   - folder: Where its layer is, and its sockets go.
    ///   - range: Its user ids.
    ///   - cgroups: Where its limits are made.
    ///   - loop: Where it is watched.
    /// - Returns: The process, and the connection to it.
    /// - Throws: ``Failure``; then there is no process.
    func spawn(
        _ specification: SandboxSpecification, _ root: JailRoot, folder: String, range: Int, _ cgroups: JailCgroups,
        on loop: EventLoop
    ) throws(Failure) -> SpawnedGuest {
        try GuestFiles.make(in: folder)
        let joins = try cgroups.make(specification.id, specification.limits)
        let plan = GuestPlan(
            specification, root, folder: folder, firstID: ranges.firstID(range), cgroups: joins, configuration)

        let place = OwnedDescriptor(try opened(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        let http = OwnedDescriptor(try check(rock_folder_listen(place.rawValue, "agent.sock", 0), "agent.sock"))
        let passing = OwnedDescriptor(
            try check(rock_folder_listen(place.rawValue, "descriptors.sock", 1), "descriptors.sock"))
        let null = OwnedDescriptor(try opened("/dev/null", O_RDWR | O_CLOEXEC))
        let file = OwnedDescriptor(
            try check(rock_sealed_file("sandbox-plan", plan.bytes, UInt64(plan.bytes.count)), "memfd_create"))
        let log = try GuestLog()
        var ends: [Int32] = [-1, -1]
        try check(rock_message_pair(&ends), "socketpair")
        let control = OwnedDescriptor(ends[0])
        let theirs = OwnedDescriptor(ends[1])
        guard rock_set_nonblocking(control.rawValue) >= 0 else {
            throw Failure(.infraFailed, "A sandbox's control connection cannot be made.")
        }
        let given = [
            null.rawValue, log.descriptor.rawValue, log.descriptor.rawValue, http.rawValue, passing.rawValue,
            theirs.rawValue, file.rawValue,
        ]
        let process = rock_guest_spawn(configuration.rockletPath, given)
        guard process > 0 else {
            throw Failure(
                .infraFailed,
                "\(configuration.rockletPath) could not be started: \(KernelFile.reason(-process)). Check that it is the rocklet executable."
            )
        }
        do {
            let guest = try Guest.child(process, on: loop)
            return SpawnedGuest(guest: guest, control: GuestControl(control, on: loop), loop: loop, log: log)
        } catch {
            // Not collected yet, so the number is still its own; it would end anyway without the word to go on.
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
            throw Failure(.infraFailed, "The sandbox's process cannot be watched: \(error).")
        }
    }

    private func opened(_ path: String, _ flags: Int32) throws(Failure) -> Int32 {
        let descriptor = open(path, flags)
        return try check(descriptor < 0 ? -errno : descriptor, path)
    }
}

@discardableResult
private func check(_ result: Int32, _ subject: String) throws(Failure) -> Int32 {
    guard result >= 0 else { throw Failure(.infraFailed, "\(subject): \(KernelFile.reason(-result)).") }
    return result
}
