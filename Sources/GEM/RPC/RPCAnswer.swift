/// What a JSON-RPC 2.0 request is answered with, as it goes over the wire.
///
/// Writing splices: ids and results are bytes that somebody else has checked.
public enum RPCAnswer {
    /// Appends `{"jsonrpc":"2.0","id":…,"result":…}`.
    ///
    /// - Parameters:
    ///   - result: A JSON value.
    ///   - id: The request's id as it was written.
    ///   - output: Receives the answer behind what it holds.
    public static func append(result: Span<UInt8>, id: Span<UInt8>, to output: inout [UInt8]) {
        append(",\"result\":", result, id, to: &output)
    }

    /// Appends `{"jsonrpc":"2.0","id":…,"error":…}`.
    ///
    /// - Parameters:
    ///   - error: A JSON-RPC error object.
    ///   - id: The request's id as it was written.
    ///   - output: Receives the answer behind what it holds.
    public static func append(error: Span<UInt8>, id: Span<UInt8>, to output: inout [UInt8]) {
        append(",\"error\":", error, id, to: &output)
    }

    /// Appends the answer that says `failure`; without an id it is `null`.
    public static func append(_ failure: Failure, id: Span<UInt8>?, to output: inout [UInt8]) {
        var error = JSONWriter()
        error.failure(failure)
        let null: [UInt8] = [0x6E, 0x75, 0x6C, 0x6C]
        if let id {
            append(error: error.bytes.span, id: id, to: &output)
        } else {
            append(error: error.bytes.span, id: null.span, to: &output)
        }
    }

    private static func append(_ name: StaticString, _ value: Span<UInt8>, _ id: Span<UInt8>, to output: inout [UInt8])
    {
        let start: StaticString = "{\"jsonrpc\":\"2.0\",\"id\":"
        // Geometric growth: a batch appends many answers to one buffer.
        let room = start.utf8CodeUnitCount + name.utf8CodeUnitCount + value.count + id.count + 1
        if output.capacity - output.count < room {
            output.reserveCapacity(max(output.count + room, output.capacity * 2))
        }
        output.append(contentsOf: UnsafeBufferPointer(start: start.utf8Start, count: start.utf8CodeUnitCount))
        id.withUnsafeBufferPointer { output.append(contentsOf: $0) }
        output.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        value.withUnsafeBufferPointer { output.append(contentsOf: $0) }
        output.append(0x7D)
    }
}

extension RPCAnswer {
    /// An answer as a client reads it.
    public enum Reading: Equatable, Sendable {
        /// Where the result is.
        case result(Range<Int>)
        case failure(Failure)
    }

    /// Reads one answer.
    ///
    /// - Parameter text: One answer, no batch.
    /// - Returns: Where the id is, and what was answered.
    /// - Throws: ``Failure`` of kind `parseError` or `invalidRequest` where `text` is no answer.
    public static func read(_ text: Span<UInt8>) throws(Failure) -> (id: Range<Int>, Reading) {
        let values: [Range<Int>?]
        do throws(JSONError) {
            let answer = try JSONScanner.validate(text)
            values = try JSONScanner.values(of: ["id", "result", "error"], at: answer, in: text)
        } catch {
            throw Failure(error)
        }
        switch (values[0], values[1], values[2]) {
        case (let id?, let result?, nil): return (id, .result(result))
        case (let id?, nil, let error?):
            // The text has been scanned; what can still be wrong with it is a name that is there twice.
            if let json = try? JSON(parsing: text.extracting(error)), let failure = Failure(json) {
                return (id, .failure(failure))
            }
        default: break
        }
        throw Failure(.invalidRequest, "The answer has no id, or not exactly one of result and error.")
    }
}

/// Writes the request that a client sends.
extension RPCRequest {
    /// Appends `{"jsonrpc":"2.0","id":…,"method":"…","params":…}`.
    ///
    /// - Parameters:
    ///   - method: What to call; ASCII that needs no escape.
    ///   - params: A JSON object or list.
    ///   - id: Comes back with the answer.
    ///   - output: Receives the request behind what it holds.
    public static func append(_ method: String, params: Span<UInt8>, id: Int, to output: inout [UInt8]) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("jsonrpc")
        writer.string("2.0")
        writer.name("id")
        writer.integer(id)
        writer.name("method")
        writer.string(method)
        writer.name("params")
        writer.raw(params)
        writer.endObject()
        output += writer.bytes
    }
}
