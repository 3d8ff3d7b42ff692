import CLinux
import Glibc
import Transport

/// Makes sockets that listen by the time their file is there: whoever waits for the file can connect at once.
enum SocketPlace {
    /// Listens at `path`, in the place of what was there.
    ///
    /// - Parameters:
    ///   - path: Its folder is there.
    ///   - carriesPackets: Whether it is for whole messages, else for streams of bytes.
    /// - Returns: The socket.
    /// - Throws: `SystemCallError`.
    static func listen(at path: String, carriesPackets: Bool) throws -> OwnedDescriptor {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let name = String(parts.last ?? "")
        let parent = parts.dropLast().joined(separator: "/")
        let folder = OwnedDescriptor(
            try SystemCallError.check(open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", parent))
        let early = name + ".new"
        let socket = OwnedDescriptor(
            try SystemCallError.check(
                rock_folder_listen(folder.rawValue, early, carriesPackets ? 1 : 0), "listen", path))
        guard fchmodat(folder.rawValue, early, 0o600, 0) == 0,
            renameat(folder.rawValue, early, folder.rawValue, name) == 0
        else { throw SystemCallError("rename", path, errno: errno) }
        return socket
    }
}
