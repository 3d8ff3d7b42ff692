import Glibc
import Transport

/// Files that nobody else sees, for what arrives before it is known where it belongs.
enum UnnamedFile {
    /// An empty one, which goes when it is closed.
    ///
    /// - Throws: `SystemCallError` where there is no room.
    static func make() throws -> OpenFile {
        var template = Array("/var/tmp/rock-upload-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw SystemCallError("mkstemp", "/var/tmp", errno: errno) }
        unlink(template)
        // Programs are started with no descriptors but those they are given; this is for good order.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return OpenFile(OwnedDescriptor(descriptor))
    }
}
