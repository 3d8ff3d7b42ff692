import GEM
import Glibc
import Registry

/// A file that lines are appended to, put aside when it is too large or too old. For the writing thread only.
struct LogFile: ~Copyable {
    private let path: String
    private let configuration: LogConfiguration
    private var descriptor: Int32 = -1
    private var size = 0
    private var begunAt = Timestamp(microseconds: 0)

    /// Opens `name` in the configured folder. What an earlier process left there is put aside.
    init(_ name: String, _ configuration: LogConfiguration, at time: Timestamp) {
        self.configuration = configuration
        path = (configuration.folder ?? ".") + "/" + name
        open(at: time)
        if size > 0 { rotate(at: time) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Writes all of `bytes`.
    ///
    /// - Returns: Whether they are in the file; a full disk is no reason to stop serving.
    mutating func append(_ bytes: [UInt8], at time: Timestamp) -> Bool {
        let isTooOld =
            configuration.rotateSeconds > 0 && time.seconds(since: begunAt) > Double(configuration.rotateSeconds)
        if size > 0, isTooOld || size + bytes.count > configuration.rotateBytes { rotate(at: time) }
        if descriptor < 0 { open(at: time) }
        guard descriptor >= 0 else { return false }
        let isWritten = writeAll(bytes, to: descriptor)
        size += bytes.count
        return isWritten
    }

    /// Opens the file anew: somebody has moved it away.
    mutating func reopen(at time: Timestamp) {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        open(at: time)
    }

    private mutating func open(at time: Timestamp) {
        // A log may hold what only its owner should read.
        descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        var facts = stat()
        size = descriptor >= 0 && fstat(descriptor, &facts) == 0 ? Int(facts.st_size) : 0
        begunAt = time
    }

    private mutating func rotate(at time: Timestamp) {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        if configuration.keep == 0 {
            unlink(path)
        } else {
            for number in stride(from: configuration.keep - 1, through: 1, by: -1) {
                rename("\(path).\(number)", "\(path).\(number + 1)")
            }
            rename(path, "\(path).1")
        }
        open(at: time)
    }
}

/// Writes all of `bytes` to `descriptor`; `false` where that fails.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        sent += count
    }
    return true
}
