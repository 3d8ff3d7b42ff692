import Transport

/// DNS messages over TCP: each after its length in two bytes (RFC 1035, section 4.2.2). For the loop's thread.
struct NameStream {
    private let socket: StreamSocket
    private var received: [UInt8] = []

    init(_ socket: StreamSocket) { self.socket = socket }

    /// The next message; `nil` where the other end has finished.
    ///
    /// - Throws: ``ConnectionError``.
    mutating func next(until deadline: ContinuousClock.Instant) async throws -> [UInt8]? {
        while true {
            if received.count >= 2 {
                let length = Int(received[0]) << 8 | Int(received[1])
                if received.count >= 2 + length {
                    defer { received.removeFirst(2 + length) }
                    return Array(received[2..<2 + length])
                }
            }
            var taken: Int?
            let bytes = try [UInt8](unsafeUninitializedCapacity: 4096) { room, count in
                taken = try socket.receive(into: UnsafeMutableRawBufferPointer(room))
                count = taken ?? 0
            }
            switch taken {
            case nil: try await socket.waitUntilReadable(until: deadline)
            case 0: return nil
            default: received += bytes
            }
        }
    }

    static func send(
        _ message: [UInt8], over socket: StreamSocket, until deadline: ContinuousClock.Instant
    ) async throws {
        try await socket.sendAll(
            UInt16(truncatingIfNeeded: message.count).networkBytes, message, patience: .seconds(5), until: deadline)
    }
}
