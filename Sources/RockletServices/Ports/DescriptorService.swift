import CLinux
import GEM
import Glibc
package import Transport

/// Hands descriptors of the sandbox to its host, so that gigabytes and connections pass without a copy through here.
///
/// One message asks, one answers, on a connection that carries whole messages:
///
///     {"open":{"path":"/a","flags":"read"}}              → {"opened":{"size":…,"mode":…,"uid":…,"gid":…,"mtime":…}} + file
///     {"open":{"path":"/a","flags":"replace","mode":…}}  → {"opened":{}} + a file to write to, beside the target
///     {"commit":{}}                                      → {"committed":{"size":…}}: that file has taken its place
///     {"connect":{"port":8080}}                          → {"connected":{}} + the connection
///     {"listen":{"port":8080}}                           → {"listening":{}} + a socket that listens on that port's loopback
///     {"run":{"command":[…],"user":"…",…}} + a socket     → {"running":{}}: a program has it as standard input and output
///     {"errors":{}}                                      → {"errors":{"log":base64}}: the end of its standard error
///     {"end":{"grace_ms":100}}                           → {"ended":{"exit_code":0,"by_itself":true,"log":base64}}
///     anything that fails                                → {"error":{"class_path":…,"message":…}}
///
/// A connection that ends without a commit leaves nothing behind, and one that ends takes the program along that it started.
package struct DescriptorService: Sendable {
    /// How long a connection to a port may take.
    private static let connectLimit: Duration = .seconds(10)

    private let tree: FileTree
    /// `nil` where no programs are hosted.
    private let programs: HostedPrograms?

    package init(_ tree: FileTree) {
        self.tree = tree
        programs = nil
    }

    init(_ tree: FileTree, programs: HostedPrograms) {
        self.tree = tree
        self.programs = programs
    }

    /// What a connection holds until it ends.
    private struct Held {
        var replacement: Replacement?
        var program: HostedProgram?
    }

    /// Answers what comes over one connection until it ends.
    package func serve(_ connection: PacketSocket) async {
        var held = Held()
        do {
            while let packet = try await connection.receive() {
                do {
                    try await answer(packet, over: connection, &held)
                } catch let failure as RockletException {
                    try await connection.send(Self.encode(failure))
                }
            }
        } catch {
            // The host has gone.
        }
        held.program?.kill()
        // Away from the loop: closing a file that was being written may wait for the disk.
        if let dropped = held.replacement.take() { try? await BlockingPool.run { dropped.discard() } }
    }

    private func answer(_ packet: Packet, over connection: PacketSocket, _ held: inout Held) async throws {
        guard let request = try? JSON(parsing: packet.bytes.span) else {
            throw RockletException(.value, "The request is not JSON.")
        }
        if let open = request["open"] {
            guard let path = open["path"]?.string else { throw RockletException(.value, "'open' needs a path.") }
            if open["flags"]?.string == "replace" {
                let access = Replacement.Access(open)
                let tree = tree
                let replacement = try await BlockingPool.run { try Replacement(path, in: tree, access: access) }
                try await connection.send(Array(#"{"opened":{}}"#.utf8), passing: replacement.file.rawValue)
                held.replacement = replacement
            } else {
                let tree = tree
                let (file, status) = try await BlockingPool.run { try tree.openForReading(path) }
                try await connection.send(Self.encode(status), passing: file.rawValue)
            }
        } else if request["commit"] != nil {
            guard let replacement = held.replacement.take() else {
                throw RockletException(.value, "Nothing waits for a commit.")
            }
            let size = try await BlockingPool.run { try replacement.commit() }
            try await connection.send(Array(#"{"committed":{"size":\#(size)}}"#.utf8))
        } else if let connect = request["connect"] {
            guard let port = connect["port"]?.int.flatMap(UInt16.init(exactly:)), port > 0 else {
                throw RockletException(.value, "'connect' needs a port from 1 to 65535.")
            }
            let socket = try await Self.connect(to: port, on: connection.loop)
            defer { socket.close() }
            try await connection.send(Array(#"{"connected":{}}"#.utf8), passing: socket.descriptor)
        } else if let listen = request["listen"] {
            guard let port = listen["port"]?.int.flatMap(UInt16.init(exactly:)), port > 0 else {
                throw RockletException(.value, "'listen' needs a port from 1 to 65535.")
            }
            let socket = try Self.listen(on: port)
            try await connection.send(Array(#"{"listening":{}}"#.utf8), passing: socket.rawValue)
        } else if let programs, let run = request["run"] {
            held.program = try programs.run(run, socket: packet.file)
            try await connection.send(Array(#"{"running":{}}"#.utf8))
        } else if let programs, request["errors"] != nil {
            let log = String(decoding: Base64.encode(try programs.latest().lastErrors()), as: UTF8.self)
            try await connection.send(JSON.object(["errors": ["log": .string(log)]]).serialized)
        } else if let programs, let end = request["end"] {
            let grace = Duration.milliseconds(max(0, min(10_000, end["grace_ms"]?.int ?? 0)))
            let ended = try await programs.latest().end(within: grace)
            try await connection.send(JSON.object(["ended": ended]).serialized)
        } else {
            throw RockletException(.value, "The request is none of open, commit, connect, listen, run, errors and end.")
        }
    }

    /// A socket that listens on a port of the loopback; whoever gets it answers what connects there.
    private static func listen(on port: UInt16) throws(RockletException) -> OpenFile {
        let number = rock_stream_socket(AF_INET)
        guard number >= 0 else { throw RockletException(errno: -number, "port \(port)") }
        let socket = OpenFile(OwnedDescriptor(number))
        var on: Int32 = 1
        setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        // Accepted sockets inherit it: an answer must not wait for an acknowledgement.
        setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isBound, Glibc.listen(number, 128) == 0 else { throw RockletException(errno: errno, "port \(port)") }
        return socket
    }

    /// Connects to whatever listens at a port of the loopback, by IPv4 or, if nothing does, IPv6.
    static func connect(to port: UInt16, on loop: EventLoop) async throws -> StreamSocket {
        do {
            return try await StreamSocket.connect(
                to: .ipv4(0x7F00_0001, port: port), on: loop, within: connectLimit)
        } catch let first {
            do {
                return try await StreamSocket.connect(
                    to: .ipv6(0, 1, scope: 0, port: port), on: loop, within: connectLimit)
            } catch {
                switch first {
                case ConnectionError.failed(let reason): throw RockletException(errno: reason.errno, "port \(port)")
                case let reason as SystemCallError: throw RockletException(errno: reason.errno, "port \(port)")
                default: throw RockletException(errno: ETIMEDOUT, "port \(port)")
                }
            }
        }
    }

    private static func encode(_ status: stat) -> [UInt8] {
        let opened: JSON = [
            "opened": [
                "size": .number(.init(Int(status.st_size))), "mode": .number(.init(Int(status.st_mode & 0o7777))),
                "uid": .number(.init(Int(status.st_uid))), "gid": .number(.init(Int(status.st_gid))),
                "mtime": .number(.init(status.st_mtim.tv_sec)),
            ]
        ]
        return opened.serialized
    }

    private static func encode(_ failure: RockletException) -> [UInt8] {
        let error: JSON = [
            "error": ["class_path": .string(failure.kind.rawValue), "message": .string(failure.message)]
        ]
        return error.serialized
    }
}

extension Replacement.Access {
    /// Reads `mode`, `uid` and `gid` where they are given.
    init(_ json: JSON) {
        let number = { (name: String) in json[name]?.int.flatMap(UInt32.init(exactly:)) }
        self.init(mode: number("mode"), user: number("uid"), group: number("gid"))
    }
}

extension FileTree {
    /// Opens a regular file for reading.
    ///
    /// - Throws: ``RockletException``; `IsADirectoryError` for a folder, `OSError` for what is neither.
    func openForReading(_ path: String) throws(RockletException) -> (OpenFile, stat) {
        // A pipe without a writer must not hold this thread.
        let file = try open(path, O_RDONLY | O_NONBLOCK)
        let status = try Self.status(of: file, path)
        switch status.st_mode & S_IFMT {
        case S_IFREG: return (file, status)
        case S_IFDIR: throw RockletException(errno: EISDIR, path)
        default: throw RockletException(errno: EINVAL, path)
        }
    }
}
