import CLinux
import Glibc
import Transport

/// Connects to a socket in a folder that a sandbox may write to. A link that the sandbox has put in its place leads
/// nowhere, and a path longer than a socket's address works all the same.
enum AgentSocket {
    /// - Throws: ``SystemCallError``: `ENOENT` where there is none, `ENOTSOCK` where something else is in its place.
    private static func open(_ path: String) throws -> (OpenFile, SocketAddress) {
        let descriptor = Glibc.open(path, rock_o_path() | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemCallError("open", path, errno: errno) }
        let file = OpenFile(OwnedDescriptor(descriptor))
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            throw SystemCallError("connect", path, errno: ENOTSOCK)
        }
        return (file, .unix(path: "/proc/self/fd/\(descriptor)"))
    }

    /// A connection for HTTP.
    static func connect(_ path: String, on loop: EventLoop) async throws -> StreamSocket {
        let (file, address) = try open(path)
        let socket = try await StreamSocket.connect(to: address, on: loop, within: .seconds(10))
        withExtendedLifetime(file) {}
        return socket
    }

    /// A connection for messages with descriptors. Call it on the loop.
    static func connectForPackets(_ path: String, on loop: EventLoop) throws -> PacketSocket {
        let (file, address) = try open(path)
        let socket = try PacketSocket.connect(to: address, on: loop)
        withExtendedLifetime(file) {}
        return socket
    }
}
