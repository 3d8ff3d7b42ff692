import CLinux
import GEM
import Glibc
import Synchronization
import Transport

/// File systems of a given size, each in a sparse file, as copies of empty ones that are made once for each size.
final class Disk: Sendable {
    static let smallest: Int64 = 16 << 20
    static let largest: Int64 = 16 << 40
    /// Sizes whose empty file system is kept; one more is made for its sandbox alone.
    private static let mostTemplates = 64
    private static let program = "/usr/sbin/mkfs.ext4"
    private static let checker = "/usr/sbin/e2fsck"

    private let folder: String
    private let loop: EventLoop
    /// Sizes that are being made, and who waits for them.
    private let making = Mutex<[Int64: [CheckedContinuation<Void, Never>]]>([:])

    /// - Parameters:
    ///   - folder: Where empty file systems are kept.
    ///   - loop: Where the program that makes them is waited for.
    init(in folder: String, on loop: EventLoop) {
        self.folder = folder
        self.loop = loop
    }

    /// Whether disks can be made here.
    static func examine() -> DriverReport.Finding {
        let hasProgram = access(program, X_OK) == 0
        let hasLoops = access("/dev/loop-control", W_OK) == 0
        let detail =
            hasProgram && hasLoops
            ? "ext4 in sparse files on loop devices"
            : hasProgram ? "/dev/loop-control cannot be opened" : "\(program) is not there"
        return DriverReport.Finding(
            "disk limits", works: hasProgram && hasLoops, detail: detail,
            remedy: hasProgram && hasLoops ? "" : hasProgram ? "modprobe loop" : "apt-get install e2fsprogs")
    }

    /// Makes an empty file system.
    ///
    /// - Parameters:
    ///   - path: A file that is not there yet.
    ///   - size: Rounded up to mebibytes.
    /// - Throws: ``Failure`` `isolationRefused` where this machine cannot; `infraFailed`.
    func make(_ path: String, size: Int64) async throws(Failure) {
        let finding = Self.examine()
        guard finding.works else {
            throw Failure(
                .isolationRefused, "A sandbox's disk cannot be limited here: \(finding.detail). Try \(finding.remedy).")
        }
        let size = ((size + (1 << 20) - 1) >> 20) << 20
        let template = "\(folder)/empty-\(size >> 20).ext4"
        if access(template, R_OK) != 0 {
            guard KernelFile.names(in: folder).count(where: { $0.hasSuffix(".ext4") }) < Self.mostTemplates else {
                return try await format(path, size: size)
            }
            try await make(template: template, size: size)
        }
        try await blocking { () throws(Failure) in try Self.copy(template, to: path) }
    }

    /// Makes a template unless somebody does already.
    private func make(template: String, size: Int64) async throws(Failure) {
        let isFirst = making.withLock { making in
            guard making[size] == nil else { return false }
            making[size] = []
            return true
        }
        guard isFirst else {
            await withCheckedContinuation { continuation in
                let isOver = making.withLock { making in
                    making[size]?.append(continuation)
                    return making[size] == nil
                }
                if isOver { continuation.resume() }
            }
            return
        }
        defer {
            let waiters = making.withLock { $0.removeValue(forKey: size) ?? [] }
            for waiter in waiters { waiter.resume() }
        }
        // Complete or not there: a killed server leaves only the file of another name.
        let unfinished = template + ".new"
        unlink(unfinished)
        try await format(unfinished, size: size)
        guard rename(unfinished, template) == 0 else {
            throw Failure(.infraFailed, "\(template) cannot be made: \(KernelFile.reason(errno)).")
        }
    }

    private func format(_ path: String, size: Int64) async throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, off_t(size)) == 0 else {
            let reason = KernelFile.reason(errno)
            if descriptor >= 0 { close(descriptor) }
            throw Failure(.infraFailed, "\(path) cannot be made: \(reason).")
        }
        close(descriptor)
        // No journal: a sandbox's disk is written back whole when it stops, and does not outlive a crash of the machine.
        // What need not be written is left out, so that a copy is small.
        let status = try await Program.run(
            Self.program,
            [
                "-q", "-F", "-b", "4096", "-m", "0", "-O", "^has_journal,^resize_inode", "-E",
                "lazy_itable_init=1,nodiscard,root_owner=0:0", path,
            ], on: loop)
        guard status == .exited(0) else {
            unlink(path)
            throw Failure(.infraFailed, "\(Self.program) could not make a file system of \(size >> 20) MiB: \(status).")
        }
    }

    /// Mends a file system whose machine lost its power, or was killed, before it was written back whole. One that was
    /// unmounted in order says so itself, and nothing is done.
    ///
    /// - Parameter path: A file that ``make(_:size:)`` made and nobody has mounted.
    /// - Throws: ``Failure`` `infraFailed` where it cannot be mended without losing files, or cannot be read.
    func mend(_ path: String) async throws(Failure) {
        guard try await blocking({ () throws(Failure) in try !Self.isClean(path) }) else { return }
        let status = try await Program.run(Self.checker, ["-p", path], on: loop)
        // 1 says that it mended something; from 4 on, that a person has to decide.
        guard status == .exited(0) || status == .exited(1) else {
            throw Failure(
                .infraFailed,
                "The sandbox's disk is damaged and could not be mended without a decision: \(status). Try \(Self.checker) \(path)."
            )
        }
    }

    /// Whether the superblock says that it was unmounted, and that no error was met before.
    private static func isClean(_ path: String) throws(Failure) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            throw Failure(.infraFailed, "\(path) cannot be opened: \(KernelFile.reason(errno)).")
        }
        defer { close(descriptor) }
        // While a predecessor's mount is not gone, this waits: it is what writes the word.
        while flock(descriptor, LOCK_SH) != 0 {
            guard errno == EINTR else {
                throw Failure(.infraFailed, "\(path) cannot be locked: \(KernelFile.reason(errno)).")
            }
        }
        var state = [UInt8](repeating: 0, count: 2)
        // `s_state`, 16 bits, 58 bytes into the superblock, which begins at 1024: 1 is clean.
        guard pread(descriptor, &state, 2, 1024 + 58) == 2 else {
            throw Failure(.infraFailed, "\(path) cannot be read: \(KernelFile.reason(errno)).")
        }
        return state == [1, 0]
    }

    private static func copy(_ template: String, to path: String) throws(Failure) {
        let source = open(template, O_RDONLY | O_CLOEXEC)
        let target = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        defer {
            if source >= 0 { close(source) }
            if target >= 0 { close(target) }
        }
        let error = source < 0 || target < 0 ? errno : -rock_copy_sparse(source, target)
        guard error == 0 else { throw Failure(.infraFailed, "\(path) cannot be made: \(KernelFile.reason(error)).") }
    }
}
