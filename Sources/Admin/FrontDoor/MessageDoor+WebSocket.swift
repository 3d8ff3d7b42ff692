import Transport

extension MessageDoor {
    /// Answers the text messages of `socket` until the client closes it.
    func serve(_ socket: WebSocket, connection: ClientConnection) async throws {
        try await serve { send in
            for try await message in socket {
                guard case .text(let text) = message else {
                    socket.close(.unsupportedData)  // JSON-RPC is text
                    return
                }
                await send(text)
            }
        } answering: { message in
            if let answer = await rpc.answer(message, caller: caller, connection: connection) {
                try await socket.send(text: answer)
            }
        }
    }
}
