import CLinux
import GEM
import Glibc
import Synchronization

/// The machine's own file tree as sandboxes of the image `host` see it.
///
/// Nothing is shown that is not named here: `/usr`, what dpkg knows, the folders of the configuration, and of `/etc` a copy of
/// what every user of the machine may read, with the system's accounts only. Homes, `/root`, `/var`, `/run`, `/tmp`, sockets,
/// other file systems and the server's own data are not there at all. All else is an empty skeleton.
final class HostTree: Sendable {
    private let folder: String
    private let extra: [String]
    private let base = Mutex<String?>(nil)

    /// - Parameters:
    ///   - folder: Where the copies are kept.
    ///   - extra: Folders that are shown as well.
    init(in folder: String, extra: [String]) {
        self.folder = folder
        self.extra = extra
    }

    /// What a sandbox's root is made of. Copies what is copied once in the life of this value; blocks.
    ///
    /// - Throws: ``Failure`` `infraFailed` when the copy cannot be written.
    func root() throws(Failure) -> JailRoot {
        let base = try base.withLock { (base) throws(Failure) -> String in
            if let base { return base }
            let made = try makeBase()
            base = made
            return made
        }
        var parts = [JailRoot.Part(target: "", name: "", layers: [base])]
        let shown = ["/usr", "/var/lib/dpkg"] + Self.topFolders.filter(Self.isFolder) + extra
        for (index, path) in shown.enumerated() where Self.isFolder(path) {
            parts.append(JailRoot.Part(target: String(path.dropFirst()), name: "-\(index)", layers: [path]))
        }
        let name = base.split(separator: "/").last.map(String.init)
        return JailRoot(parts: parts, environment: [], digest: "", hostCopy: name)
    }

    /// Removes copies that no sandbox uses any more. Blocks.
    ///
    /// - Parameters:
    ///   - used: Those that sandboxes see, beside the one that new ones get.
    ///   - isOver: Whether no new ones will come.
    func sweep(keeping used: Set<String>, isOver: Bool = false) {
        // Under the lock, so that none is given out while it is looked at.
        base.withLock { base in
            let current = isOver ? nil : base?.split(separator: "/").last.map(String.init)
            if isOver { base = nil }
            for name in KernelFile.names(in: folder) where name.hasPrefix(Self.copyPrefix) {
                if name != current, !used.contains(name) { rock_tree_remove("\(folder)/\(name)") }
            }
        }
    }

    private static let copyPrefix = "host-"

    /// On systems without a merged `/usr`; links elsewhere.
    private static let topFolders = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    // MARK: - The part that is copied

    private func makeBase() throws(Failure) -> String {
        // Sandboxes of a predecessor may still use its copy, so each server makes one of its own.
        let path = "\(folder)/\(Self.copyPrefix)\(rock_now_ns())"
        try Self.makeFolder(path, 0o755)
        let folders: [(String, mode_t)] = [
            ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("media", 0o755), ("mnt", 0o755), ("opt", 0o755),
            ("proc", 0o555), ("root", 0o700), ("run", 0o755), ("run/lock", 0o1777), ("srv", 0o755), ("sys", 0o555),
            ("tmp", 0o1777), ("usr", 0o755), ("var", 0o755), ("var/cache", 0o755), ("var/cache/apt", 0o755),
            ("var/cache/apt/archives", 0o755), ("var/cache/apt/archives/partial", 0o700), ("var/cache/debconf", 0o755),
            ("var/lib", 0o755), ("var/lib/apt", 0o755), ("var/lib/apt/lists", 0o755),
            ("var/lib/apt/lists/partial", 0o700), ("var/lib/dpkg", 0o755), ("var/lib/pam", 0o755), ("var/local", 0o755),
            ("var/log", 0o755), ("var/log/apt", 0o755), ("var/mail", 0o755), ("var/opt", 0o755), ("var/spool", 0o755),
            ("var/tmp", 0o1777),
        ]
        for (name, mode) in folders { try Self.makeFolder("\(path)/\(name)", mode) }
        symlink("/run", path + "/var/run")
        symlink("/run/lock", path + "/var/lock")
        for top in Self.topFolders {
            if Self.isFolder(top) {
                try Self.makeFolder(path + top, 0o755)
            } else if let target = Self.linkTarget(top) {
                symlink(target, path + top)
            }
        }
        for shown in extra { try makeFolders(of: shown, in: path) }
        var copy = EtcCopy()
        copy.copy("/etc", to: path + "/etc")
        for (name, text) in EtcCopy.accounts() { EtcCopy.write(text, to: "\(path)/etc/\(name)") }
        return path
    }

    private func makeFolders(of path: String, in base: String) throws(Failure) {
        var partial = base
        for name in path.split(separator: "/") {
            partial += "/\(name)"
            try Self.makeFolder(partial, 0o755)
        }
    }

    private static func linkTarget(_ path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = readlink(path, &bytes, bytes.count)
        return count > 0 && count < bytes.count ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    private static func makeFolder(_ path: String, _ mode: mode_t) throws(Failure) {
        guard mkdir(path, mode) == 0 || errno == EEXIST, chmod(path, mode) == 0 else {
            throw Failure(.infraFailed, "\(path) cannot be made: \(KernelFile.reason(errno)).")
        }
    }
}
