import GEM

/// Speaks JSON-RPC 2.0 to a server, wherever it runs.
struct RPCClient: Sendable {
    let carrier: any RPCCarrier

    /// One call of a method.
    struct Call: Sendable {
        let method: String
        let params: JSON

        init(_ method: String, _ params: JSON = [:]) {
            self.method = method
            self.params = params
        }
    }

    /// Calls one method.
    ///
    /// - Returns: Its result.
    /// - Throws: ``CommandError`` for the server's refusal, an answer that is none, or a server that is not there.
    func call(_ method: String, _ params: JSON = [:]) async throws -> JSON {
        let message: JSON = [
            "jsonrpc": "2.0", "id": 0, "method": .string(method), "params": params,
        ]
        return try Self.result(of: try await answer(to: message))
    }

    /// Calls several methods in one message; those for one sandbox take effect in their order.
    ///
    /// - Returns: Their results, in the order of the calls.
    /// - Throws: As ``call(_:_:)``, for the first call that failed.
    func batch(_ calls: [Call]) async throws -> [JSON] {
        try await attempts(calls).map { try $0.mapError(CommandError.init).get() }
    }

    /// Calls several methods in one message, each of which may be refused on its own.
    ///
    /// - Returns: Their results or why there is none, in the order of the calls.
    /// - Throws: ``CommandError`` for an answer that is none, or a server that is not there.
    func attempts(_ calls: [Call]) async throws -> [Result<JSON, Failure>] {
        let message: JSON = .array(
            calls.enumerated().map { id, call in
                [
                    "jsonrpc": "2.0", "id": .number(JSON.Number(id)), "method": .string(call.method),
                    "params": call.params,
                ]
            })
        let answer = try await answer(to: message)
        // What is no list is one answer to the whole message: its refusal.
        guard let answers = answer.array else {
            return calls.isEmpty ? [] : [.success(try Self.result(of: answer))]
        }
        var results = [Result<JSON, Failure>?](repeating: nil, count: calls.count)
        for answer in answers {
            guard let id = answer["id"]?.int, results.indices.contains(id) else { throw Self.unreadable }
            results[id] = try Self.attempt(of: answer)
        }
        return try results.map { result in
            guard let result else { throw Self.unreadable }
            return result
        }
    }

    /// Sends `message` as it is, which may be no message at all.
    ///
    /// - Returns: The result of the one answer, or why there is none.
    /// - Throws: As ``attempts(_:)``.
    func attempt(sending message: [UInt8]) async throws -> Result<JSON, Failure> {
        let bytes = try await carrier.exchange(message)
        guard let answer = try? JSON(parsing: bytes.span) else { throw Self.unreadable }
        return try Self.attempt(of: answer)
    }

    private func answer(to message: JSON) async throws -> JSON {
        let bytes = try await carrier.exchange(message.serialized)
        do {
            return try JSON(parsing: bytes.span)
        } catch {
            throw Self.unreadable
        }
    }

    private static func result(of answer: JSON) throws -> JSON {
        try attempt(of: answer).mapError(CommandError.init).get()
    }

    private static func attempt(of answer: JSON) throws -> Result<JSON, Failure> {
        if let result = answer["result"] { return .success(result) }
        guard let error = answer["error"], let failure = Failure(error) else { throw unreadable }
        return .failure(failure)
    }

    private static let unreadable = CommandError(
        .failure, "the server's answer is not JSON-RPC", hint: "check that the URL is that of a Rock server")
}

/// Takes one message to a server and brings its answer.
protocol RPCCarrier: Sendable {
    /// - Parameter message: One JSON-RPC request or batch.
    /// - Returns: The answer's bytes; empty where there is none.
    /// - Throws: ``CommandError`` where there is no answer to be had; `CancellationError`.
    func exchange(_ message: [UInt8]) async throws -> [UInt8]

    /// Lets go of what it holds.
    func close() async
}
