import Transport

/// Two connections of which each sends what the other receives.
enum Relay {
    private static let bytesPerReceive = 64 << 10
    /// How long one end may take nothing of what the other has sent.
    private static let patience = Duration.seconds(600)

    /// Carries bytes both ways until both ends have finished or one has failed, and closes both. Memory stays flat
    /// whoever is slow: nothing more is received before what was received is sent on.
    ///
    /// - Parameters:
    ///   - first: A connection on the caller's loop, watched.
    ///   - second: Another.
    static func run(_ first: StreamSocket, _ second: StreamSocket) async {
        await withDiscardingTaskGroup { group in
            for (source, target) in [(first, second), (second, first)] {
                group.addTask(executorPreference: source.loop) {
                    do {
                        try await carry(from: source, to: target)
                        target.finishSending()
                    } catch {
                        // Whoever failed, nothing can go either way any more.
                        first.close()
                        second.close()
                    }
                }
            }
        }
        first.close()
        second.close()
    }

    private static func carry(from source: StreamSocket, to target: StreamSocket) async throws {
        while true {
            var taken: Int?
            let bytes = try [UInt8](unsafeUninitializedCapacity: bytesPerReceive) { room, count in
                taken = try source.receive(into: UnsafeMutableRawBufferPointer(room))
                count = taken ?? 0
            }
            switch taken {
            case nil: try await source.waitUntilReadable()
            case 0: return
            default:
                try await target.sendAll(bytes, patience: patience)
                // A pair that never waits must not keep the loop.
                await Task.yield()
            }
        }
    }
}
