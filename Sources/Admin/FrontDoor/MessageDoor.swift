import GEM
import Transport

/// Speaks JSON-RPC over a connection that stays open and carries one message at a time.
///
/// Every message is a task of its own, so a slow sandbox holds nobody up; tasks of one connection start in the order of
/// their messages, which keeps the calls of one sandbox in order.
struct MessageDoor: Sendable {
    let rpc: RPCDoor
    /// Who is at the other end.
    let caller: Caller
    /// Messages of one connection at a time; who sends more waits.
    let inFlight: Int

    /// Answers the lines of `connection` until the client has said its last.
    func serve(_ connection: LineConnection) async throws {
        let client = ClientConnection(connection)
        try await serve { send in
            do {
                for try await line in connection.lines where !line.isEmpty { await send(line) }
            } catch LineError.tooLong(let limit) {
                try await connection.send(Self.tooLong(limit))
            }
        } answering: { message in
            if let answer = await rpc.answer(message, caller: caller, connection: client) {
                try await connection.send(answer)
            }
        }
    }

    /// Runs `reader`; what it passes on is answered by `answer`, each message in a task of its own.
    func serve(
        reader: (_ pass: ([UInt8]) async -> Void) async throws -> Void,
        answering answer: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        let inFlight = InFlight(limit: inFlight)
        try await withThrowingDiscardingTaskGroup { group in
            try await reader { message in
                await inFlight.enter()
                group.addTask {
                    defer { inFlight.leave() }
                    try await answer(message)
                }
            }
        }
    }

    private static func tooLong(_ limit: Int) -> [UInt8] {
        var answer: [UInt8] = []
        let failure = Failure(.tooLarge, "A message may have at most \(limit) bytes; the connection ends here.")
        RPCAnswer.append(failure, id: nil, to: &answer)
        return answer
    }
}
