import CLinux
import Glibc

/// The machine's `/etc` without what not everybody may read.
struct EtcCopy {
    /// Together; what does not fit is left out.
    var bytesLeft = 64 << 20
    var entriesLeft = 20_000

    /// Files that a sandbox has of its own, or that say what the machine is and who uses it.
    private static let leftOut: Set<String> = [
        "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/passwd-", "/etc/group-", "/etc/shadow-",
        "/etc/gshadow-", "/etc/subuid", "/etc/subgid", "/etc/subuid-", "/etc/subgid-", "/etc/hosts", "/etc/hostname",
        "/etc/resolv.conf", "/etc/machine-id", "/etc/fstab", "/etc/mtab", "/etc/crypttab", "/etc/exports", "/etc/rock",
        "/etc/sudoers", "/etc/sudoers.d", "/etc/ssh", "/etc/krb5.conf", "/etc/netplan", "/etc/NetworkManager",
        "/etc/network",
        "/etc/systemd/network", "/etc/kubernetes", "/etc/docker", "/etc/containers", "/etc/wireguard", "/etc/openvpn",
    ]

    /// Copies a folder that is there already: folders, links and files that every user may read.
    mutating func copy(_ source: String, to target: String) {
        for name in KernelFile.names(in: source) where !Self.leftOut.contains("\(source)/\(name)") {
            let from = "\(source)/\(name)"
            let to = "\(target)/\(name)"
            var status = stat()
            guard entriesLeft > 0, lstat(from, &status) == 0 else { continue }
            entriesLeft -= 1
            switch status.st_mode & S_IFMT {
            case S_IFDIR where status.st_mode & 0o5 == 0o5:
                if mkdir(to, 0o755) == 0 { copy(from, to: to) }
            case S_IFREG where status.st_mode & 0o4 != 0 && Int(status.st_size) <= bytesLeft:
                bytesLeft -= Int(status.st_size)
                if copyFile(from, to: to), status.st_mode & 0o1 != 0 { chmod(to, 0o755) }
            case S_IFLNK:
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = readlink(from, &bytes, bytes.count - 1)
                if count > 0 { symlink(String(decoding: bytes[..<count], as: UTF8.self), to) }
            default: break
            }
        }
    }

    private func copyFile(_ source: String, to target: String) -> Bool {
        let input = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard input >= 0 else { return false }
        defer { close(input) }
        let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard output >= 0 else { return false }
        defer { close(output) }
        fchmod(output, 0o644)
        return rock_copy_sparse(input, output) == 0
    }

    /// The account files: the system's own users and groups, without passwords.
    static func accounts() -> [(name: String, text: String)] {
        let users = systemLines("/etc/passwd")
        let groups = systemLines("/etc/group").map { line in
            // Who else is in a group is nobody's business.
            line.split(separator: ":", omittingEmptySubsequences: false).prefix(3).joined(separator: ":") + ":"
        }
        let name = { (line: String) in String(line.prefix { $0 != ":" }) }
        let text = { (lines: [String]) in lines.map { $0 + "\n" }.joined() }
        return [
            ("passwd", text(users)), ("group", text(groups)),
            ("shadow", text(users.map { name($0) + ":*:19000:0:99999:7:::" })),
            ("gshadow", text(groups.map { name($0) + ":*::" })), ("machine-id", ""),
        ]
    }

    private static func systemLines(_ path: String) -> [String] {
        (KernelFile.read(path) ?? "").split(separator: "\n").map(String.init).filter { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 4, let id = UInt32(fields[2]) else { return false }
            return id < 1000 || id == 65_534
        }
    }

    static func write(_ text: String, to path: String) {
        let isSecret = path.hasSuffix("shadow")
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, isSecret ? 0o640 : 0o644)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        fchmod(descriptor, isSecret ? 0o640 : 0o644)
        let bytes = Array(text.utf8)
        rock_write_all(descriptor, bytes, bytes.count)
    }
}
