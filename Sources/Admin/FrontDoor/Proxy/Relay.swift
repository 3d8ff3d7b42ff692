import Transport

/// Joins two WebSockets: what comes out of one goes into the other, until one of them ends.
enum Relay {
    /// Returns when both ends are closed; the second with the code that the first gave.
    static func join(_ outer: WebSocket, _ inner: WebSocket) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await pass(from: outer, to: inner) }
            group.addTask { await pass(from: inner, to: outer) }
        }
    }

    private static func pass(from source: WebSocket, to target: WebSocket) async {
        do {
            for try await message in source {
                switch message {
                case .text(let text): try await target.send(text: text)
                case .binary(let bytes): try await target.send(binary: bytes)
                }
            }
            target.close(.normal)
        } catch let error as WebSocketError {
            target.close(error.code)
            source.close(error.code)
        } catch {
            target.close(.internalError)
            source.close(.internalError)
        }
    }
}
