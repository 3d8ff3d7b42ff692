import GEM
import Glibc
import Transport

/// A file of exchanges, one JSON object a line.
final class TrajectoryFile: Sendable {
    private let configuration: TrajectoryConfiguration
    /// One thread: lines do not overtake each other.
    private let writer = BlockingPool(threads: 1)

    init(_ configuration: TrajectoryConfiguration) { self.configuration = configuration }

    /// Writes one exchange. What cannot be written is told to `log`: an agent gets its answer all the same.
    func write(_ record: [UInt8], _ log: ServiceLog) async {
        let configuration = configuration
        do {
            try await writer.run { try Self.write(record + [0x0A], configuration) }
        } catch {
            log.error("The trajectory cannot be written: \((error as? Failure)?.message ?? "\(error)")")
        }
    }

    /// The file is opened each time: whoever moves it away gets a new one.
    private static func write(_ line: [UInt8], _ configuration: TrajectoryConfiguration) throws(Failure) {
        let path = configuration.path
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex { try Folders.make(String(path[..<slash])) }
        guard configuration.appends else {
            // Readers find the old line or the new one, never half of one.
            let next = path + ".new"
            try put(line, next, O_TRUNC)
            guard rename(next, path) == 0 else { throw failure("replace", path) }
            return
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_size > 0, Int(status.st_size) + line.count > configuration.maximumBytes {
            try rotate(configuration)
        }
        try put(line, path, O_APPEND)
    }

    private static func put(_ line: [UInt8], _ path: String, _ flag: Int32) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flag, 0o600)
        guard descriptor >= 0 else { throw failure("open", path) }
        let file = OwnedDescriptor(descriptor)
        var written = 0
        while written < line.count {
            let count = line.withUnsafeBytes {
                Glibc.write(file.rawValue, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", path) }
            written += count
        }
    }

    private static func rotate(_ configuration: TrajectoryConfiguration) throws(Failure) {
        let path = configuration.path
        guard configuration.keptFiles > 0 else {
            guard unlink(path) == 0 else { throw failure("remove", path) }
            return
        }
        for number in stride(from: configuration.keptFiles - 1, through: 1, by: -1) {
            guard rename("\(path).\(number)", "\(path).\(number + 1)") == 0 || errno == ENOENT else {
                throw failure("put aside", "\(path).\(number)")
            }
        }
        guard rename(path, path + ".1") == 0 else { throw failure("put aside", path) }
    }

    private static func failure(_ verb: String, _ path: String) -> Failure {
        Failure(.infraFailed, "Cannot \(verb) \(path): \(String(cString: strerror(errno))).")
    }
}
