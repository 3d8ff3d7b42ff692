import GEM
import Glibc

/// The few files of `/etc` that are the server's: they lie in the state folder and are mounted read-only over the image's.
enum GuestFiles {
    static let names = ["hosts", "hostname", "resolv.conf"]

    /// Makes them, empty, where they are not there yet.
    ///
    /// - Throws: ``Failure`` `infraFailed`.
    static func make(in folder: String) throws(Failure) {
        if mkdir(folder + "/etc", 0o755) != 0 && errno != EEXIST { throw refusal(folder + "/etc", errno) }
        for name in names { try write("", to: "\(folder)/etc/\(name)") }
    }

    /// Fills them in. The sandbox sees the new contents at once, as they are written in place.
    ///
    /// - Throws: ``Failure`` `infraFailed`.
    static func fill(in folder: String, hostname: String, _ attachment: NetworkAttachment) throws(Failure) {
        try write(attachment.hosts(hostname: hostname), to: folder + "/etc/hosts")
        try write(hostname + "\n", to: folder + "/etc/hostname")
        try write(attachment.resolverConfiguration, to: folder + "/etc/resolv.conf")
    }

    private static func write(_ text: String, to path: String) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw refusal(path, errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { throw refusal(path, errno) }
        // The umask of whoever started the server does not decide whether the sandbox's users can read it.
        fchmod(descriptor, 0o644)
    }

    private static func refusal(_ path: String, _ error: Int32) -> Failure {
        Failure(.infraFailed, "\(path) cannot be written: \(KernelFile.reason(error)).")
    }
}
