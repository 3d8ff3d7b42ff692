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

    /// Whether a descriptor from inside is a connected TCP socket.
    private static func isConnection(_ file: OpenFile) -> Bool {
        let option = { (name: Int32) -> Int32? in
            var value: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(file.rawValue, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
        }
        guard let domain = option(SO_DOMAIN), domain == AF_INET || domain == AF_INET6,
            option(SO_TYPE) == Int32(SOCK_STREAM.rawValue), option(SO_PROTOCOL) == Int32(IPPROTO_TCP)
        else { return false }
        // Closing must not wait for the other end, whatever was set inside.
        var linger = Glibc.linger(l_onoff: 0, l_linger: 0)
        setsockopt(file.rawValue, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        return true
    }
}
