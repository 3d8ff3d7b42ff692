import CLinux
import GEM
import Glibc
import SandboxHost
import Synchronization
import Transport

/// The folder with a note for each live environment. A server that is killed leaves them to the next one.
///
/// Nothing waits for the disk here: what is noted dies with the machine's power in any case.
final class KeptEnvironments: Sendable {
    /// Longer is no note of ours: `make` takes no longer params.
    private static let longestFile = 1 << 30

    private let folder: String
    /// Why the last note could not be written; each reason is told once.
    private let complaint = Mutex("")
    private let complain: @Sendable (String) -> Void

    /// - Parameters:
    ///   - dataDirectory: The server's.
    ///   - complain: Hears of notes that cannot be written.
    init(in dataDirectory: String, complain: @escaping @Sendable (String) -> Void) {
        folder = dataDirectory + "/live"
        self.complain = complain
    }

    /// Writes a note. Where that fails the environment is served all the same; the next server will not know it.
    func add(_ note: EnvironmentNote, as id: SandboxID) async {
        let bytes = note.bytes
        let error = try? await BlockingPool.run { self.write(bytes, to: self.file(id)) }
        tell(of: error ?? EAGAIN)
    }

    /// Removes a note, if there is one.
    func remove(_ id: SandboxID) async {
        // Without a thread for it the note stays; the next server finds nothing where it says, and says so.
        _ = try? await BlockingPool.run { unlink(self.file(id)) }
    }

    /// Removes all notes.
    func removeAll() async {
        _ = try? await BlockingPool.run {
            for name in KernelFile.names(in: self.folder) { unlink("\(self.folder)/\(name)") }
            rmdir(self.folder)
        }
    }

    /// Every note that is there, or why it is of no use.
    ///
    /// - Throws: ``Failure`` that names the folder where it cannot be read.
    func all() async throws(Failure) -> [(SandboxID, Result<EnvironmentNote, Failure>)] {
        let found: Result<[(SandboxID, Result<EnvironmentNote, Failure>)], Failure>
        do {
            found = try await BlockingPool.run { [folder] in Self.notes(in: folder) }
        } catch {
            throw Failure(.infraFailed, "No thread for blocking work: \(error).")
        }
        return try found.get()
    }

    private static func notes(
        in folder: String
    ) -> Result<[(SandboxID, Result<EnvironmentNote, Failure>)], Failure> {
        guard let stream = opendir(folder) else {
            let error = errno
            if error == ENOENT { return .success([]) }
            return .failure(Failure(.infraFailed, "\(folder) cannot be read: \(KernelFile.reason(error))."))
        }
        closedir(stream)
        let names = KernelFile.names(in: folder).sorted()
        return .success(
            names.compactMap { name in
                guard name.hasSuffix(".json"), let id = SandboxID(rawValue: String(name.dropLast(5))) else {
                    // The beginning of a note, by a server that was killed before its client heard of it.
                    unlink("\(folder)/\(name)")
                    return nil
                }
                return (id, read("\(folder)/\(name)"))
            })
    }

    private func file(_ id: SandboxID) -> String { "\(folder)/\(id).json" }

    private static func read(_ path: String) -> Result<EnvironmentNote, Failure> {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= longestFile,
            let text = KernelFile.read(path), let note = EnvironmentNote(Array(text.utf8))
        {
            return .success(note)
        }
        return .failure(
            Failure(.infraFailed, "The environment that \(path) describes is ended, because the file cannot be read."))
    }

    /// Returns 0 or an errno; the whole note is there then, or nothing.
    private func write(_ bytes: [UInt8], to path: String) -> Int32 {
        let temporary = path + ".new"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
        var descriptor = open(temporary, flags, 0o600)
        if descriptor < 0, errno == ENOENT, mkdir(folder, 0o700) == 0 || errno == EEXIST {
            descriptor = open(temporary, flags, 0o600)
        }
        guard descriptor >= 0 else { return errno }
        var error = -rock_write_all(descriptor, bytes, bytes.count)
        close(descriptor)
        if error == 0, rename(temporary, path) != 0 { error = errno }
        if error != 0 { unlink(temporary) }
        return error
    }

    private func tell(of error: Int32) {
        let reason = error == 0 ? "" : KernelFile.reason(error)
        let isNews = complaint.withLock { complaint in
            defer { complaint = reason }
            return complaint != reason
        }
        guard isNews, error != 0 else { return }
        complain(
            "Environments are served, but would not outlive this server: \(folder) cannot be written: \(reason). Free space, or check the data directory's rights."
        )
    }
}
