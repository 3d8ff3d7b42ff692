import CLinux
import GEM
import Glibc
import Synchronization

/// Which files a sweep removes.
struct SweepRule: Sendable {
    /// Seconds since a file was last written.
    let olderThan: Int64
    /// Larger files go whatever their age.
    let largerThan: Int64
    /// Shell patterns, one of which a file's name must match.
    let include: [String]
    /// Shell patterns of folders' and files' names, or of their paths below the swept folder; what matches stays.
    let keepFolders: [String]
    let keepFiles: [String]
}

/// Removes files below a folder. It follows no symbolic link, leaves its file system never, and removes regular files and the
/// folders it has emptied, nothing else. Blocks.
struct FileSweep: ~Copyable {
    struct Outcome: Sendable {
        var files = 0
        var bytes: Int64 = 0
        var refusals: [String] = []
        /// Some of what went.
        var examples: [String] = []
    }

    /// Set when the sweep is to come to an end.
    final class Token: Sendable {
        private let flag = Atomic<Bool>(false)
        var isCancelled: Bool { flag.load(ordering: .relaxed) }
        func cancel() { flag.store(true, ordering: .relaxed) }
    }

    private static let deepest = 128

    private let root: String
    private let folder: String
    private let rule: SweepRule
    private let isRehearsal: Bool
    private let token: Token
    private let now = Int64(time(nil))
    private var device: dev_t = 0
    private var outcome = Outcome()

    /// - Parameters:
    ///   - root: A folder that is trusted to be what it is called.
    ///   - folder: The same, or one below it.
    ///   - rule: What goes.
    ///   - isRehearsal: Whether all of it stays.
    ///   - token: Ends it early.
    init(root: String, folder: String, rule: SweepRule, isRehearsal: Bool, _ token: Token) {
        (self.root, self.folder, self.rule, self.isRehearsal, self.token) = (root, folder, rule, isRehearsal, token)
    }

    consuming func run() throws(Failure) -> Outcome {
        let base = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard base >= 0 else { throw refusal(errno) }
        defer { close(base) }
        let below = String(folder.dropFirst(root.count).drop { $0 == "/" })
        // Nobody who writes below the root can lead it elsewhere.
        let start = rock_open_below(
            base, below.isEmpty ? "." : below, O_RDONLY | O_DIRECTORY, 0,
            UInt64(ROCK_RESOLVE_BENEATH | ROCK_RESOLVE_NO_SYMLINKS))
        guard start >= 0 else { throw refusal(-start) }
        var facts = stat()
        guard fstat(start, &facts) == 0 else {
            close(start)
            throw refusal(errno)
        }
        device = facts.st_dev
        _ = sweep(start, "", depth: 0)
        return outcome
    }

    /// Sweeps the folder behind `descriptor`, which it closes.
    ///
    /// - Returns: Whether the folder is empty now.
    private mutating func sweep(_ descriptor: Int32, _ path: String, depth: Int) -> Bool {
        guard let stream = fdopendir(descriptor) else {
            close(descriptor)
            return false
        }
        defer { closedir(stream) }
        var isEmpty = true
        while let entry = readdir(stream) {
            if token.isCancelled { return false }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            if !remove(name, in: descriptor, "\(path)\(name)", depth) { isEmpty = false }
        }
        return isEmpty
    }

    /// Removes `name` where the rule says so; `true` where it is gone.
    private mutating func remove(_ name: String, in parent: Int32, _ path: String, _ depth: Int) -> Bool {
        var facts = stat()
        guard fstatat(parent, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { return errno == ENOENT }
        switch facts.st_mode & S_IFMT {
        case S_IFDIR:
            guard facts.st_dev == device, depth < Self.deepest, !Self.matches(rule.keepFolders, name, path) else {
                return false
            }
            let child = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard child >= 0 else { return false }
            let before = outcome.files
            let isEmpty = sweep(child, "\(path)/", depth: depth + 1)
            // A folder that was empty before may be waiting for its first file.
            guard isEmpty, outcome.files > before, !isRehearsal else { return false }
            return unlinkat(parent, name, AT_REMOVEDIR) == 0
        case S_IFREG:
            let isOld = now - Int64(facts.st_mtim.tv_sec) > rule.olderThan
            guard isOld || Int64(facts.st_size) > rule.largerThan, Self.matches(rule.include, name, path),
                !Self.matches(rule.keepFiles, name, path)
            else { return false }
            if !isRehearsal, unlinkat(parent, name, 0) != 0 {
                if outcome.refusals.count < 20 {
                    outcome.refusals.append("\(folder)/\(path): \(String(cString: strerror(errno))).")
                }
                return false
            }
            outcome.files += 1
            // What a second name still leads to takes its room for longer.
            if facts.st_nlink == 1 { outcome.bytes += Int64(facts.st_blocks) * 512 }
            if outcome.examples.count < 20 { outcome.examples.append(path) }
            return !isRehearsal
        default: return false
        }
    }

    private static func matches(_ patterns: [String], _ name: String, _ path: String) -> Bool {
        patterns.contains { fnmatch($0, name, 0) == 0 || fnmatch($0, path, FNM_PATHNAME) == 0 }
    }

    private func refusal(_ error: Int32) -> Failure {
        Failure(.infraFailed, "\(folder) cannot be opened: \(String(cString: strerror(error))).")
    }
}

/// Runs a sweep on a thread that may wait; cancelling the task ends it soon.
func sweeping(
    _ body: @escaping @Sendable (FileSweep.Token) throws(Failure) -> FileSweep.Outcome
) async throws(Failure) -> FileSweep.Outcome {
    let token = FileSweep.Token()
    do {
        return try await withTaskCancellationHandler {
            try await onThread { () throws(Failure) in try body(token) }
        } onCancel: {
            token.cancel()
        }
    } catch let failure as Failure {
        throw failure
    } catch {
        throw Failure(.internalError, "\(error)")
    }
}
