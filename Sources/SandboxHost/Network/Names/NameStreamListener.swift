import Transport

/// Look-ups over TCP, which who got a truncated answer makes. For the loop's thread.
final class NameStreamListener: @unchecked Sendable {
    // Safety of @unchecked: the variables are touched on the loop's thread only.

    private static let connectionsPerClient = 8
    private static let patience = Duration.seconds(10)
    private static let questionsPerConnection = 100

    private let loop: EventLoop
    private let listener: InternetListener
    private let answer: @Sendable (NameQuestion, NameClient) async -> [UInt8]
    private var open: [IPv4: Int] = [:]

    /// - Parameters:
    ///   - gateway: Where sandboxes ask.
    ///   - machine: A descriptor of the machine's network namespace; `nil` for this process's own.
    ///   - loop: Where they are answered.
    ///   - client: Who has an address.
    ///   - answer: Makes the message that answers a question.
    /// - Throws: ``SystemCallError``: `EADDRINUSE` when somebody listens there.
    init(
        _ gateway: IPv4, machine: Int32?, on loop: EventLoop, client: @escaping (IPv4) -> NameClient?,
        answer: @escaping @Sendable (NameQuestion, NameClient) async -> [UInt8]
    ) throws(SystemCallError) {
        self.loop = loop
        self.answer = answer
        listener = try InternetListener(gateway, NameServer.port, machine: machine, on: loop)
        try listener.start { [weak self] socket, address in
            guard let self, let client = client(address) else { return socket.close() }
            self.serve(socket, client)
        }
    }

    func stop() { listener.stop() }

    private func serve(_ socket: StreamSocket, _ client: NameClient) {
        guard open[client.address, default: 0] < Self.connectionsPerClient else { return socket.close() }
        open[client.address, default: 0] += 1
        Task(executorPreference: loop) { [self] in
            // Whatever ends the conversation, the asker sees that it has ended.
            try? await converse(socket, client)
            socket.close()
            open[client.address] = open[client.address].flatMap { $0 > 1 ? $0 - 1 : nil }
        }
    }

    private func converse(_ socket: StreamSocket, _ client: NameClient) async throws {
        try socket.watch()
        var stream = NameStream(socket)
        for _ in 0..<Self.questionsPerConnection {
            guard listener.isOpen, let message = try await stream.next(until: loop.now + Self.patience),
                let question = NameQuestion(query: message[...])
            else { return }
            try await NameStream.send(await answer(question, client), over: socket, until: loop.now + Self.patience)
        }
    }
}
