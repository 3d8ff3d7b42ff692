import CLinux
import Glibc
import Transport

/// Sockets of any network namespace, opened without moving there.
enum NetworkNamespace {
    enum Kind: Sendable {
        case stream, datagram

        var number: Int32 {
            switch self {
            case .stream: Int32(SOCK_STREAM.rawValue)
            case .datagram: Int32(SOCK_DGRAM.rawValue)
            }
        }
    }

    /// Opens a non-blocking IPv4 socket.
    ///
    /// - Parameters:
    ///   - kind: For TCP or UDP.
    ///   - namespace: A descriptor of the namespace; `nil` for this process's own.
    /// - Returns: The socket, closed on exec.
    /// - Throws: ``SystemCallError``: `EPERM` where the namespace may not be entered, `EMFILE` without descriptors.
    static func socket(_ kind: Kind, in namespace: Int32?) throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(
            try SystemCallError.check(rock_internet_socket(kind.number, namespace ?? -1), "socket", "\(kind)"))
    }

    /// Makes one, which lives as long as its descriptor or something in it.
    static func make() throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(try SystemCallError.check(rock_network_namespace(), "unshare"))
    }
}
