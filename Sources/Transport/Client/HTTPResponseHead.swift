/// What the head of an answer says.
struct HTTPResponseHead: Sendable {
    var status: HTTPStatus = .ok
    var headers = HTTPHeaders()
    var framing = HTTPRequestHead.HTTPFraming()
    var keepsAlive = true

    /// Reads the head that ``HTTPHeadScanner`` delimited.
    ///
    /// - Throws: ``HTTPError`` with 502: the server does not speak HTTP/1.
    mutating func parse(_ bytes: Span<UInt8>, _ limits: HTTPHeadLimits) throws(HTTPError) {
        headers.reset(to: bytes)
        let minorVersion = try parseVersion(bytes, at: 0)
        guard bytes.count >= 14, bytes[8] == 0x20, let code = Self.number(bytes, 9..<12), code >= 100,
            bytes[12] == 0x20 || bytes[12] == 0x0D
        else { throw HTTPError(502, "The server's status line is malformed.") }
        status = HTTPStatus(rawValue: UInt16(code))
        var at = 12
        while ByteClass.isFieldValue(bytes[at]) { at += 1 }
        guard at + 1 < bytes.count, bytes[at] == 0x0D, bytes[at + 1] == 0x0A else {
            throw HTTPError(502, "The server's status line is malformed.")
        }
        try headers.parseLines(bytes, from: at + 2, limits)
        var body = HTTPBodyRules()
        for line in headers.lines {
            if headers.matches(line.name, "content-length") {
                try body.add(contentLength: headers.bytes[line.value.indices])
            } else if headers.matches(line.name, "transfer-encoding") {
                try body.add(transferEncoding: headers.bytes[line.value.indices])
            }
        }
        framing = try body.framing(minorVersion: minorVersion)
        keepsAlive =
            minorVersion == 1
            ? !headers.list("connection", contains: "close") : headers.list("connection", contains: "keep-alive")
    }

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        var value = 0
        for index in range {
            guard ByteClass.isDigit(bytes[index]) else { return nil }
            value = value * 10 + Int(bytes[index] - 0x30)
        }
        return value
    }
}
