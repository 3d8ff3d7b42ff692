/// Takes JSON-RPC messages to a server and waits for what it answers.
public protocol RemoteCarrier: Sendable {
    /// Carries one request. The calling thread waits; requests of several threads go side by side.
    ///
    /// - Parameter message: The request, UTF-8 JSON. It may be sent again after a broken connection: what must not happen twice
    ///   carries a `request_id`.
    /// - Returns: The answer as it came.
    /// - Throws: ``Failure`` of kind `infraFailed` where no answer can be had, `timeout` where it takes too long.
    func exchange(_ message: [UInt8]) throws(Failure) -> [UInt8]
}

extension RemoteCarrier {
    /// Calls one method.
    ///
    /// - Returns: Its result.
    /// - Throws: The server's ``Failure``, or the carrier's.
    func call(_ method: String, _ params: JSON) throws(Failure) -> JSON {
        let request: JSON = ["jsonrpc": "2.0", "id": 0, "method": .string(method), "params": params]
        let bytes = try exchange(request.serialized)
        let answer: JSON
        do {
            answer = try JSON(parsing: bytes.span)
        } catch {
            throw Failure(.infraFailed, "The server's answer to \(method) is not JSON: \(error).")
        }
        if let result = answer["result"] { return result }
        guard let failure = answer["error"].flatMap({ Failure($0) }) else {
            throw Failure(.infraFailed, "The server's answer to \(method) has neither a result nor an error.")
        }
        throw failure
    }
}
