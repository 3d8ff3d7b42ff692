extension JSON {
    /// Reads `text`, which must be one JSON value with nothing but blanks around it.
    ///
    /// - Parameters:
    ///   - text: UTF-8 without a byte order mark.
    ///   - byteLimit: The longest text to be read.
    /// - Throws: ``JSONError`` at the first byte that RFC 8259 does not allow, at a name that its object holds already, below
    ///   ``JSONScanner/maximumDepth`` levels, and where `text` is longer than `byteLimit`.
    public init(parsing text: Span<UInt8>, byteLimit: Int = 64 << 20) throws(JSONError) {
        guard text.count <= byteLimit else { throw JSONError(at: byteLimit, expected: .shorterText) }
        var scanner = JSONScanner()
        self = try Self.read(&scanner, text, depth: 0)
        try scanner.expectEnd(in: text)
    }

    /// Reads the UTF-8 of `text`.
    public init(parsing text: String) throws(JSONError) {
        let bytes = [UInt8](text.utf8)
        try self.init(parsing: bytes.span)
    }

    private static func read(
        _ scanner: inout JSONScanner, _ text: Span<UInt8>, depth: Int
    ) throws(JSONError) -> JSON {
        guard let first = scanner.peek(in: text) else { throw scanner.failure(.value) }
        switch first {
        case 0x22: return .string(try scanner.scanString(in: text).meaning(of: text))
        case 0x2D, 0x30...0x39:
            let range = try scanner.scanNumber(in: text).range
            return .number(Number(checked: string(text, range)))
        case 0x74:
            try scanner.scanLiteral("true", in: text)
            return .bool(true)
        case 0x66:
            try scanner.scanLiteral("false", in: text)
            return .bool(false)
        case 0x6E:
            try scanner.scanLiteral("null", in: text)
            return .null
        case 0x5B where depth < JSONScanner.maximumDepth: return try readArray(&scanner, text, depth: depth + 1)
        case 0x7B where depth < JSONScanner.maximumDepth: return try readObject(&scanner, text, depth: depth + 1)
        case 0x5B, 0x7B: throw scanner.failure(.fewerLevels)
        default: throw scanner.failure(.value)
        }
    }

    private static func readArray(
        _ scanner: inout JSONScanner, _ text: Span<UInt8>, depth: Int
    ) throws(JSONError) -> JSON {
        var array = try scanner.openArray(in: text)
        var elements: [JSON] = []
        while try scanner.nextElement(of: &array, in: text) { elements.append(try read(&scanner, text, depth: depth)) }
        return .array(elements)
    }

    private static func readObject(
        _ scanner: inout JSONScanner, _ text: Span<UInt8>, depth: Int
    ) throws(JSONError) -> JSON {
        var object = try scanner.openObject(in: text)
        var members: [(name: String, value: JSON)] = []
        var names = JSONNames()
        while let name = try scanner.nextName(of: &object, in: text) {
            guard names.insert(name, of: text) else { throw JSONError(at: name.range.lowerBound, expected: .newName) }
            if members.isEmpty { members.reserveCapacity(8) }
            members.append((name.meaning(of: text), try read(&scanner, text, depth: depth)))
        }
        return .object(Object(checked: members))
    }

    private static func string(_ text: Span<UInt8>, _ range: Range<Int>) -> String {
        text.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    /// Turns the line feeds and carriage returns of a valid JSON `text` into blanks, so that it fits on one line.
    ///
    /// Inside strings JSON only allows them escaped, so every raw one stands between tokens.
    public static func joinLines(of text: inout [UInt8]) {
        var bytes = text.mutableSpan
        for place in bytes.indices where bytes[place] == 0x0A || bytes[place] == 0x0D { bytes[place] = 0x20 }
    }
}
