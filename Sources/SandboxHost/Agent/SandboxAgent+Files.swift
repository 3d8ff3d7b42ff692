import CLinux
package import GEM
import Glibc
package import Transport

/// A file inside a sandbox, opened for reading.
package struct AgentFile: Sendable {
    /// Shared with the sandbox: give every offset yourself, and expect the contents to change or end early.
    package let file: OpenFile
    /// Bytes, when it was opened.
    package let size: Int64
    /// Permission bits.
    package let mode: UInt32
    /// As seen inside.
    package let user: UInt32
    package let group: UInt32
    /// Seconds since 1970.
    package let modified: Int64
}

/// New contents for a file inside a sandbox. Dropped without ``commit(timeout:)``, it leaves the sandbox as it was.
package final class AgentUpload: Sendable {
    /// A file beside the target, to be written from the beginning; shared with the sandbox, so give every offset yourself.
    package let file: OpenFile
    private let agent: SandboxAgent
    private let path: String
    private let connection: PacketSocket

    init(_ file: OpenFile, _ agent: SandboxAgent, _ path: String, _ connection: PacketSocket) {
        self.file = file
        self.agent = agent
        self.path = path
        self.connection = connection
    }

    deinit {
        let connection = connection
        connection.loop.execute { connection.close() }
    }

    /// Puts the file in its place.
    ///
    /// - Parameter timeout: How long the sandbox may take.
    /// - Returns: Its size in bytes.
    /// - Throws: ``Failure``; the file in the sandbox is then as it was.
    @discardableResult
    package func commit(timeout: Duration = .seconds(60)) async throws(Failure) -> Int {
        let reply = try await agent.ask(["commit": [:]], over: connection, "commit of \(path)", timeout)
        return reply.json["committed"]?["size"]?.int ?? 0
    }
}

/// Files of any size. Their contents pass between descriptors and never through the rocklet.
extension SandboxAgent {
    /// Opens a file inside for reading.
    ///
    /// - Parameters:
    ///   - path: As seen inside.
    ///   - timeout: How long the sandbox may take to open it.
    /// - Returns: The file; it has been checked to be a regular one of a file system that does not wait for a process.
    /// - Throws: ``Failure``: `notFound`, `invalidArgument` for a folder, and as ``call(_:_:body:timeout:limit:)``.
    package func download(_ path: String, timeout: Duration = .seconds(60)) async throws(Failure) -> AgentFile {
        let connection = try await descriptors("open \(path)")
        defer { connection.loop.execute { connection.close() } }
        let request: JSON = ["open": ["path": .string(path), "flags": "read"]]
        let reply = try await ask(request, over: connection, "open \(path)", timeout)
        let file = try checked(reply.file, O_RDONLY, path)
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw suspect("a descriptor that cannot be asked") }
        let opened = reply.json["opened"]
        let number = { (name: String) in opened?[name]?.int.flatMap(UInt32.init(exactly:)) ?? 0 }
        // Numbers of users are what they are inside; size and time are the kernel's own.
        return AgentFile(
            file: file, size: Int64(status.st_size), mode: UInt32(status.st_mode & 0o7777), user: number("uid"),
            group: number("gid"), modified: Int64(status.st_mtim.tv_sec))
    }

    /// Begins to write a file inside; missing folders on the way are made.
    ///
    /// - Parameters:
    ///   - path: As seen inside.
    ///   - mode: Permission bits; `nil` keeps those of the file that is there, or means 0644.
    ///   - owner: User and group as seen inside; `nil` keeps those of the file that is there, or means root.
    ///   - timeout: How long the sandbox may take to open it.
    /// - Returns: Where to write, and what puts it in its place.
    /// - Throws: ``Failure`` as ``download(_:timeout:)``.
    package func upload(
        _ path: String, mode: UInt32? = nil, owner: (user: UInt32, group: UInt32)? = nil,
        timeout: Duration = .seconds(60)
    ) async throws(Failure) -> AgentUpload {
        let connection = try await descriptors("open \(path)")
        var open: JSON.Object = ["path": .string(path), "flags": "replace"]
        if let mode { open["mode"] = .number(.init(Int(mode))) }
        if let owner {
            open["uid"] = .number(.init(Int(owner.user)))
            open["gid"] = .number(.init(Int(owner.group)))
        }
        do throws(Failure) {
            let reply = try await ask(["open": .object(open)], over: connection, "open \(path)", timeout)
            return AgentUpload(try checked(reply.file, O_WRONLY, path), self, path, connection)
        } catch {
            connection.loop.execute { connection.close() }
            throw error
        }
    }

    // MARK: Asking

    /// Connects to the descriptor service, on the caller's loop.
    func descriptors(_ what: String) async throws(Failure) -> PacketSocket {
        let (loop, address) = (loop, address)
        do {
            return try await loop.hop { try AgentSocket.connectForPackets(address.descriptors, on: loop) }
        } catch {
            throw failure(error, what, nil)
        }
    }

    /// Sends one request, with the descriptor `passing` unless that is negative, and waits for its answer.
    func ask(
        _ request: JSON, over connection: PacketSocket, _ what: String, _ timeout: Duration, passing: Int32 = -1
    ) async throws(Failure) -> (json: JSON, file: OpenFile?) {
        let bytes = request.serialized
        guard bytes.count <= PacketSocket.messageLimit else {
            throw Failure(.invalidArgument, "The path in '\(what.prefix(80))…' is too long.")
        }
        let packet: Packet?
        do {
            packet = try await connection.loop.hop {
                let deadline = ContinuousClock.now + timeout
                try await connection.send(bytes, passing: passing, until: deadline)
                return try await connection.receive(until: deadline)
            }
        } catch {
            throw failure(error, what, timeout)
        }
        guard let packet else { throw failure(ConnectionError.closed, what, timeout) }
        guard let json = try? JSON(parsing: packet.bytes.span), json.object != nil else {
            throw suspect("an answer that is not JSON")
        }
        if let error = json["error"] {
            throw RockletException(error)?.failure ?? suspect("an error without a message")
        }
        return (json, packet.file)
    }

    // MARK: Suspicion

    /// Kernel's numbers of file systems whose files can keep a reader waiting for a process, or are no files at all.
    private static let refusedFileSystems: Set<Int64> = [
        0x6573_5546,  // fuse: a process inside may answer, or not
        0x0000_9FA0, 0x6265_6572, 0x6462_6720, 0x7472_6163, 0xCAFE_4A11,  // proc, sysfs, debugfs, tracefs, bpf
        0x0027_E0EB, 0x6367_7270,  // cgroup, cgroup2
        0x0000_6969, 0x0102_1997, 0xFF53_4D42, 0xFE53_4D42, 0x0000_517B,  // nfs, 9p, cifs, smb2, smb
    ]

    /// Makes sure that a descriptor from inside is what was asked for: a file that this process can read or write without
    /// waiting for anybody.
    private func checked(_ file: OpenFile?, _ access: Int32, _ path: String) throws(Failure) -> OpenFile {
        guard let file else { throw suspect("no descriptor") }
        var status = stat()
        guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(
                .invalidArgument,
                "'\(path)' in sandbox \(sandbox) is not a regular file; read or write it by a command.")
        }
        let flags = fcntl(file.rawValue, F_GETFL)
        guard flags >= 0, flags & O_ACCMODE == access, flags & rock_o_path() == 0 else {
            throw suspect("a descriptor opened for something else")
        }
        let system = rock_file_system(file.rawValue)
        guard system >= 0, !Self.refusedFileSystems.contains(system) else {
            throw Failure(
                .invalidArgument,
                "'\(path)' in sandbox \(sandbox) lies on a file system that cannot be handed out; "
                    + "copy the file first, or read it by a command.")
        }
        return file
    }

    func suspect(_ what: String) -> Failure {
        Failure(
            .infraFailed,
            "The rocklet of sandbox \(sandbox) answered with \(what). Somebody inside has tampered with it: remove the sandbox."
        )
    }
}
