package import GEM
import Glibc
package import Transport

extension SandboxAgent {
    /// Connects to what listens on a port of the sandbox's loopback.
    ///
    /// - Parameters:
    ///   - port: 1–65535.
    ///   - timeout: How long it may take.
    /// - Returns: The connection, on the caller's loop; close it when done.
    /// - Throws: ``Failure``: `notFound` where nothing listens there; as ``call(_:_:body:timeout:limit:)``.
    package func connect(port: UInt16, timeout: Duration = .seconds(10)) async throws(Failure) -> StreamSocket {
        let what = "a connection to port \(port)"
        let connection = try await descriptors(what)
        let loop = connection.loop
        defer { loop.execute { connection.close() } }
        let file: OpenFile?
        do throws(Failure) {
            file = try await ask(["connect": ["port": .number(.init(Int(port)))]], over: connection, what, timeout).file
        } catch  where error.message.hasPrefix("[Errno \(ECONNREFUSED)]") {
            throw Failure(
                .notFound,
                "Nothing listens on port \(port) in sandbox \(sandbox). Start the service there, then try again.")
        }
        guard let file, Self.isConnection(file) else { throw suspect("something else than a connection") }
        do {
            return try await loop.hop {
                // A number of its own: the socket closes it when it is done.
                let own = fcntl(file.rawValue, F_DUPFD_CLOEXEC, 0)
                guard own >= 0 else { throw SystemCallError("fcntl", errno: errno) }
                let socket = StreamSocket(OwnedDescriptor(own), on: loop)
                try socket.watch()
                return socket
            }
        } catch {
            throw failure(error, what, timeout)
        }
    }

    /// Makes a socket that listens on a port of the sandbox's loopback. Who holds it answers what connects there from inside.
    ///
    /// - Parameters:
    ///   - port: 1–65535.
    ///   - timeout: How long it may take.
    /// - Returns: The socket; it has been checked to be one that listens.
    /// - Throws: ``Failure``: `conflict` where something listens there already; as ``call(_:_:body:timeout:limit:)``.
    package func listen(port: UInt16, timeout: Duration = .seconds(10)) async throws(Failure) -> OpenFile {
        let what = "a listener on port \(port)"
        let connection = try await descriptors(what)
        defer { connection.loop.execute { connection.close() } }
        let file: OpenFile?
        do throws(Failure) {
            file = try await ask(["listen": ["port": .number(.init(Int(port)))]], over: connection, what, timeout).file
        } catch  where error.message.hasPrefix("[Errno \(EADDRINUSE)]") {
            throw Failure(
                .conflict, "Something listens on port \(port) in sandbox \(sandbox) already. Choose another port.")
        }
        guard let file, Self.isStream(file), Self.option(SO_ACCEPTCONN, of: file) == 1 else {
            throw suspect("something else than a socket that listens")
        }
        return file
    }

    private static func option(_ name: Int32, of file: OpenFile) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(file.rawValue, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }

    /// Whether a descriptor from inside is a TCP socket.
    private static func isStream(_ file: OpenFile) -> Bool {
        guard let domain = option(SO_DOMAIN, of: file), domain == AF_INET || domain == AF_INET6 else { return false }
        return option(SO_TYPE, of: file) == Int32(SOCK_STREAM.rawValue)
            && option(SO_PROTOCOL, of: file) == Int32(IPPROTO_TCP)
    }

    /// Whether a descriptor from inside is a connected TCP socket.
    private static func isConnection(_ file: OpenFile) -> Bool {
        guard isStream(file) else { return false }
        // Closing must not wait for the other end, whatever was set inside.
        var linger = Glibc.linger(l_onoff: 0, l_linger: 0)
        setsockopt(file.rawValue, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        return true
    }
}
