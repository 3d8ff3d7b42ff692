import CLinux
import Glibc

/// The file of a Unix socket, as its maker knows it.
struct SocketFile: Sendable {
    private let path: String
    private let device: dev_t
    private let inode: ino_t

    /// Notes what is at `path` now; fails unless that is a socket.
    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
    }

    /// Removes the file, unless another process has put its own in the place.
    func remove() {
        guard let present = SocketFile(path), present.device == device, present.inode == inode else { return }
        unlink(path)
    }

    /// Removes a socket file on which nobody answers, which is what a killed process leaves behind. Anything else stays,
    /// and `bind` says so.
    static func removeStale(_ path: String) throws {
        guard let file = SocketFile(path) else { return }
        let probe = OwnedDescriptor(try SystemCallError.check(rock_stream_socket(AF_UNIX), "socket", path))
        let isStale = try SocketAddress.unix(path: path).withKernelForm { form, length in
            connect(probe.rawValue, form, length) != 0 && errno == ECONNREFUSED
        }
        if isStale { file.remove() }
    }
}
