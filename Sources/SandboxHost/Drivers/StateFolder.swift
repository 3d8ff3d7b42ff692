import CLinux
package import GEM
import Glibc

/// A sandbox's folder on this machine: its sockets, and `state.json`, by which it is found again after a restart.
/// Every method blocks for as long as the disk takes.
package struct StateFolder: Sendable {
    /// What `state.json` says.
    package struct State: Sendable, Equatable {
        package let driver: String
        package let specification: SandboxSpecification
        /// The first process inside, as this machine sees it, and when it started, in clock ticks since the machine did: the
        /// two together are nobody else's. 0 where unknown.
        package var process: Int32 = 0
        package var processStart: UInt64 = 0
        package var ports: [UInt16: UInt16] = [:]
        package var imageDigest = ""
        /// What only the driver knows how to read.
        package var details = JSON.Object()

        package init(driver: String, specification: SandboxSpecification) {
            self.driver = driver
            self.specification = specification
        }
    }

    /// Longer is no state file of ours.
    private static let longestFile = 4 << 20

    package let path: String
    package let id: SandboxID

    /// - Parameters:
    ///   - id: The sandbox.
    ///   - sandboxes: The folder that holds one folder for each sandbox.
    package init(_ id: SandboxID, in sandboxes: String) {
        self.id = id
        path = "\(sandboxes)/\(id)"
    }

    private var file: String { path + "/state.json" }

    /// The folders that a predecessor left in `sandboxes`.
    package static func all(in sandboxes: String) -> [StateFolder] {
        KernelFile.names(in: sandboxes).compactMap(SandboxID.init(rawValue:)).sorted { $0.rawValue < $1.rawValue }
            .map { StateFolder($0, in: sandboxes) }
    }

    /// Writes the state so that a reader, even after a loss of power, finds the whole of it or what was there before.
    ///
    /// - Parameters:
    ///   - state: What to write.
    ///   - isDurable: Whether this waits for the disk. What ends with the machine's power need not.
    /// - Throws: ``Failure`` of kind `infraFailed` that names the file and the reason.
    package func write(_ state: State, isDurable: Bool = true) throws(Failure) {
        let temporary = file + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw refusal(errno) }
        let bytes = state.json.serialized
        var error = -rock_write_all(descriptor, bytes, bytes.count)
        if error == 0, isDurable, fsync(descriptor) != 0 { error = errno }
        close(descriptor)
        if error == 0, rename(temporary, file) != 0 { error = errno }
        guard error == 0 else {
            unlink(temporary)
            throw refusal(error)
        }
    }

    /// What the file says; `nil` where there is none, or none that can be understood.
    package func read() -> State? {
        var status = stat()
        guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.longestFile,
            let text = KernelFile.read(file), let json = try? JSON(parsing: text), let state = State(json),
            state.specification.id == id
        else { return nil }
        return state
    }

    private func refusal(_ error: Int32) -> Failure {
        Failure(
            .infraFailed,
            "The state of sandbox \(id) cannot be written to \(file): \(KernelFile.reason(error)). Free space, or check the data directory's rights."
        )
    }
}

extension StateFolder.State {
    fileprivate var json: JSON {
        var ports = JSON.Object()
        for (inside, outside) in self.ports.sorted(by: { $0.key < $1.key }) {
            ports[String(inside)] = .number(JSON.Number(Int(outside)))
        }
        return [
            "version": 1, "driver": .string(driver), "specification": specification.json,
            "process": .number(JSON.Number(Int(process))), "process_start": .string(String(processStart)),
            "ports": .object(ports), "image_digest": .string(imageDigest), "details": .object(details),
        ]
    }

    fileprivate init?(_ json: JSON) {
        guard json["version"]?.int == 1, let driver = json["driver"]?.string,
            let specification = json["specification"].flatMap(SandboxSpecification.init),
            let process = json["process"]?.int.flatMap(Int32.init(exactly:)),
            let start = json["process_start"]?.string.flatMap({ UInt64($0) }), let ports = json["ports"]?.object,
            let digest = json["image_digest"]?.string, let details = json["details"]?.object
        else { return nil }
        self.init(driver: driver, specification: specification)
        self.process = process
        processStart = start
        for port in ports.members {
            guard let inside = UInt16(port.name), let outside = port.value.int.flatMap(UInt16.init(exactly:)) else {
                return nil
            }
            self.ports[inside] = outside
        }
        imageDigest = digest
        self.details = details
    }
}
