import Transport

/// Joins the binary messages of a WebSocket to a TCP connection, both ways, until one of them ends.
struct PortForward: Sendable {
    let outer: WebSocket
    let inner: StreamSocket

    /// How long nothing may pass in either direction.
    private static let idleLimit = Duration.seconds(300)

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                do {
                    for try await message in outer {
                        let bytes = message.bytes
                        try await inner.loop.hop { try await inner.sendAll(bytes, patience: Self.idleLimit) }
                    }
                    inner.loop.execute { inner.finishSending() }
                } catch {
                    inner.loop.execute { inner.close() }
                    outer.close(.internalError)
                }
            }
            group.addTask {
                do {
                    while let bytes = try await inner.loop.hop({ try await receive() }) {
                        try await outer.send(binary: bytes)
                    }
                    outer.close(.normal)
                } catch {
                    outer.close(.internalError)
                }
            }
        }
        inner.loop.execute { inner.close() }
    }

    /// The next bytes from inside; `nil` at the end. On the loop.
    private func receive() async throws -> [UInt8]? {
        while true {
            var count: Int? = nil
            let bytes = try [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
                count = try inner.receive(into: UnsafeMutableRawBufferPointer(buffer))
                initialized = count ?? 0
            }
            if let count { return count == 0 ? nil : bytes }
            try await inner.waitUntilReadable(until: inner.loop.now + Self.idleLimit)
        }
    }
}
