extension RPCMessage.Item {
    /// The longest id in bytes, as it is written; every answer repeats it.
    static let idLimit = 256

    /// Reads one value, which should be a request.
    ///
    /// - Throws: ``JSONError`` only where `text` is not JSON; what is JSON but no request becomes ``invalid(_:id:)``.
    init(_ scanner: inout JSONScanner, _ text: Span<UInt8>) throws(JSONError) {
        guard scanner.peek(in: text) == 0x7B else {
            _ = try scanner.skipValue(in: text)
            self = .invalid(Failure(.invalidRequest, "A request must be an object."), id: nil)
            return
        }
        let members = try RequestMembers(&scanner, text)
        do throws(Failure) {
            self = .request(try members.request(text))
        } catch {
            self = .invalid(error, id: members.isAmbiguous ? nil : members.legalID(text))
        }
    }
}

/// Where the members of a request are.
private struct RequestMembers {
    private var version: Range<Int>?
    private var id: Range<Int>?
    private var method: Range<Int>?
    private var params: Range<Int>?
    /// Whether one of them is there twice.
    private(set) var isAmbiguous = false

    init(_ scanner: inout JSONScanner, _ text: Span<UInt8>) throws(JSONError) {
        var object = try scanner.openObject(in: text)
        while let name = try scanner.nextName(of: &object, in: text) {
            let value = try scanner.skipValue(in: text)
            if name.equals("jsonrpc", in: text) {
                isAmbiguous = isAmbiguous || version != nil
                version = value
            } else if name.equals("id", in: text) {
                isAmbiguous = isAmbiguous || id != nil
                id = value
            } else if name.equals("method", in: text) {
                isAmbiguous = isAmbiguous || method != nil
                method = value
            } else if name.equals("params", in: text) {
                isAmbiguous = isAmbiguous || params != nil
                params = value
            }
        }
    }

    /// The request that the members make up.
    func request(_ text: Span<UInt8>) throws(Failure) -> RPCRequest {
        guard !isAmbiguous else { throw Failure(.invalidRequest, "A request has each member at most once.") }
        guard id == nil || legalID(text) != nil else {
            throw Failure(
                .invalidRequest,
                "The id of a request must be a string, a number or null, of at most \(RPCMessage.Item.idLimit) bytes.")
        }
        guard version.flatMap({ JSONScanner.string(at: $0, in: text) }) == "2.0" else {
            throw Failure(.invalidRequest, "A request must say \"jsonrpc\": \"2.0\".")
        }
        guard let method = method.flatMap({ JSONScanner.string(at: $0, in: text) }) else {
            throw Failure(.invalidRequest, "A request must name its method by a string.")
        }
        return RPCRequest(id: id, method: method, params: try requestParams(text))
    }

    private func requestParams(_ text: Span<UInt8>) throws(Failure) -> RPCRequest.Params {
        guard let params else { return .none }
        switch text[params.lowerBound] {
        case 0x7B: return .named(params)
        case 0x5B: return .positional(params)
        default: throw Failure(.invalidRequest, "The params of a request must be an object or a list.")
        }
    }

    /// The id, if it is one that an answer can repeat.
    func legalID(_ text: Span<UInt8>) -> Range<Int>? {
        guard let id, id.count <= RPCMessage.Item.idLimit else { return nil }
        switch text[id.lowerBound] {
        case 0x22, 0x2D, 0x30...0x39, 0x6E: return id
        default: return nil
        }
    }
}
