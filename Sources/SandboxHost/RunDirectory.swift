import CLinux
import GEM
import Glibc
import Synchronization

/// The folder that holds a host's sockets, one for each sandbox, and that only this host uses.
final class RunDirectory: Sendable {
    /// Leaves room for a socket's name in the 107 bytes that the kernel takes.
    private static let longestPath = 60

    let path: String
    private let lock: Mutex<Int32>

    /// Makes the folder if need be and locks it. What a killed host left in it stays until ``sweep(keeping:)``.
    init(_ path: String) throws(Failure) {
        guard path.utf8.first == 0x2F, path.utf8.count <= Self.longestPath else {
            throw Failure(
                .invalidArgument,
                "The run directory must be an absolute path of at most \(Self.longestPath) bytes, not \"\(path)\".")
        }
        self.path = path
        if mkdir(path, 0o700) != 0 && errno != EEXIST { throw Self.refusal(path, errno) }
        var descriptor: Int32 = -1
        let result = rock_lock_folder(path, 0, &descriptor)
        if result == -EWOULDBLOCK {
            throw Failure(
                .infraFailed, "Another server uses the run directory \(path). Stop it or choose another folder.")
        }
        guard result == 0 else { throw Self.refusal(path, -result) }
        lock = Mutex(descriptor)
        // Nobody else may connect to a sandbox, nor put a socket in one's place.
        guard fchmod(descriptor, 0o700) == 0 else {
            let error = errno
            close(descriptor)
            throw Self.refusal(path, error)
        }
    }

    /// The host's name among all hosts of the machine: from the path's 64-bit FNV-1a hash, so that a host finds what its
    /// predecessor in the same folder left.
    var name: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return "rock-" + String(hash, radix: 16)
    }

    /// Where a socket of this name is.
    func socket(_ name: String) -> String { "\(path)/\(name).sock" }

    /// Where a zygote waits for the next host. The underscore keeps it apart from sandboxes, as in every other name here.
    var door: String { socket("zygote_0") }

    /// Where a host notes its cgroups for the next one.
    var cgroupNote: String { path + "/cgroups.json" }

    /// Removes everything, and gives the folder up; it stays, as whoever configured it may have made it.
    func release() {
        sweep { _ in false }
        unlink(cgroupNote)
        leave()
    }

    /// Gives the folder up as it is.
    func leave() {
        lock.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    deinit {
        lock.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    /// Removes the sockets of which `isKept` says that they are nobody's, by their names without `.sock`.
    func sweep(keeping isKept: (String) -> Bool) {
        for name in KernelFile.names(in: path) where name.hasSuffix(".sock") && !isKept(String(name.dropLast(5))) {
            unlink("\(path)/\(name)")
        }
    }

    private static func refusal(_ path: String, _ error: Int32) -> Failure {
        Failure(
            .infraFailed,
            "The run directory \(path) cannot be used: \(KernelFile.reason(error)). Make it writable for this user, or choose another data directory."
        )
    }
}
