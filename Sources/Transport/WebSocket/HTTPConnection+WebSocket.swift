extension HTTPConnection {
    /// Turns the connection into a WebSocket and runs `body` with it.
    ///
    /// - Returns: `false`: the connection cannot be used again.
    func upgrade(
        _ response: HTTPResponse, _ configuration: WebSocketConfiguration,
        _ body: @Sendable (WebSocket) async throws -> Void
    ) async throws -> Bool {
        let acceptance: String
        do {
            acceptance = try WebSocketHandshake.accept(head)
        } catch {
            let fields = [HTTPField("Sec-WebSocket-Version", "13"), HTTPField("Upgrade", "websocket")]
            let refusal = HTTPResponse(error.status, headers: fields, body: .bytes(Array((error.message + "\n").utf8)))
            try await send(refusal, minorVersion: 1, isHead: false, keepsAlive: false)
            await linger()
            return false
        }
        let offered = head.headers.all(named: "sec-websocket-protocol").flatMap { $0.split(separator: ",") }
            .map { String($0.drop { $0 == " " }.prefix { $0 != " " }) }
        let subprotocol = configuration.subprotocols.first { offered.contains($0) }
        var output: [UInt8] = []
        shard.encoder.appendStatusLine(101, to: &output)
        output.append(HTTPField("Upgrade", "websocket"))
        output.append(HTTPField("Connection", "Upgrade"))
        output.append(HTTPField("Sec-WebSocket-Accept", acceptance))
        if let subprotocol { output.append(HTTPField("Sec-WebSocket-Protocol", subprotocol)) }
        for field in response.headers { output.append(field) }
        output.append("\r\n")
        try await sendAll(output)

        let webSocket = WebSocket(
            socket, role: .server, input: input, subprotocol: subprotocol, configuration)
        input = InputBuffer()
        phase = .webSocket(webSocket)
        if shard.isClosing { webSocket.goAway() }
        await run(webSocket, body)
        await linger()
        return false
    }

    private func run(_ webSocket: WebSocket, _ body: @Sendable (WebSocket) async throws -> Void) async {
        do {
            try await body(webSocket)
            await webSocket.finish(.normal)
        } catch let error as WebSocketError {
            await webSocket.finish(error.code)
        } catch {
            await webSocket.finish(.internalError)
        }
    }
}
