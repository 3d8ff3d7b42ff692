/// One line of the protocol between server and rocklet: `{"id":7,"method":"step","params":{…}}`.
struct ServiceRequest {
    /// The id as it is written; empty where the line has none.
    private(set) var id = 0..<0
    /// What is asked for; `nil` where the line does not say.
    private(set) var method: JSONString?
    /// The client's parameters, an object; empty where there are none.
    private(set) var params = 0..<0

    /// Reads `line` to its last byte.
    ///
    /// - Throws: ``JSONError`` where the line is not one JSON object, names one of the three members twice, or has a list or an
    ///   object as its id.
    init(_ line: Span<UInt8>) throws(JSONError) {
        var scanner = JSONScanner()
        var object = try scanner.openObject(in: line)
        while let name = try scanner.nextName(of: &object, in: line) {
            let isNew: Bool
            if name.equals("id", in: line) {
                isNew = id.isEmpty
                id = try scanner.skipValue(in: line)
                // The answer repeats it and must stay one line.
                if line[id.lowerBound] == 0x7B || line[id.lowerBound] == 0x5B {
                    throw JSONError(at: id.lowerBound, expected: .scalar)
                }
            } else if name.equals("method", in: line) {
                isNew = method == nil
                method = try scanner.readString(in: line)
            } else if name.equals("params", in: line) {
                isNew = params.isEmpty
                params = try scanner.skipValue(in: line)
            } else {
                isNew = true
                _ = try scanner.skipValue(in: line)
            }
            guard isNew else { throw JSONError(at: name.range.lowerBound, expected: .newName) }
        }
        try scanner.expectEnd(in: line)
    }
}

extension Failure {
    /// The failure of a text that was to be JSON.
    public init(_ error: JSONError) {
        self.init(.parseError, "The message is not valid JSON: \(error).")
    }
}
