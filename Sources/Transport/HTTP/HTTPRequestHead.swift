/// What the head of a request says, checked against every rule that two readers could disagree on.
package struct HTTPRequestHead: Sendable {
    package internal(set) var headers = HTTPHeaders()
    var method: Range<Int32> = 0..<0
    var target: Range<Int32> = 0..<0
    /// 0 or 1: HTTP/1.0 or HTTP/1.1.
    package internal(set) var minorVersion = 1
    package internal(set) var framing = HTTPFraming()
    /// `Expect: 100-continue`: the client waits for a word before it sends the body.
    var expectsContinue = false
    /// Whether the connection may be used again after this request.
    var keepsAlive = true

    /// How the body is delimited.
    package struct HTTPFraming: Equatable, Sendable {
        /// `Content-Length`, when there is one.
        package internal(set) var length: Int?
        /// `Transfer-Encoding: chunked`.
        package internal(set) var isChunked = false
    }

    /// Reads the head that ``HTTPHeadScanner`` delimited.
    ///
    /// - Throws: ``HTTPError``, with the status a server answers.
    mutating func parse(_ bytes: Span<UInt8>, _ limits: HTTPHeadLimits) throws(HTTPError) {
        headers.reset(to: bytes)
        expectsContinue = false
        framing = HTTPFraming()
        let lineEnd = try parseRequestLine(bytes)
        try headers.parseLines(bytes, from: lineEnd, limits)
        try interpret(bytes)
    }

    private mutating func parseRequestLine(_ bytes: Span<UInt8>) throws(HTTPError) -> Int {
        var at = 0
        while ByteClass.isToken(bytes[at]) { at += 1 }
        guard bytes[at] == 0x20, 1...32 ~= at else {
            throw HTTPError(.badRequest, "The request line does not begin with a method and one space.")
        }
        method = 0..<Int32(at)
        at += 1
        let targetStart = at
        while ByteClass.isTarget(bytes[at]) { at += 1 }
        guard bytes[at] == 0x20, at > targetStart else {
            throw HTTPError(.badRequest, "The request target is missing or holds a byte that must be percent-encoded.")
        }
        target = Int32(targetStart)..<Int32(at)
        at += 1
        minorVersion = try parseVersion(bytes, at: at)
        at += 8
        guard at + 1 < bytes.count, bytes[at] == 0x0D, bytes[at + 1] == 0x0A else {
            throw HTTPError(.badRequest, "Something follows the HTTP version.")
        }
        return at + 2
    }

    private mutating func interpret(_ bytes: Span<UInt8>) throws(HTTPError) {
        var hosts = 0
        keepsAlive = minorVersion == 1
        var body = HTTPBodyRules()
        for line in headers.lines {
            // The length tells most lines apart, so few names are compared.
            switch line.name.count {
            case 4 where headers.matches(line.name, "host"):
                hosts += 1
                guard headers.bytes[line.value.indices].allSatisfy(ByteClass.isHost) else {
                    throw HTTPError(.badRequest, "The Host header is not a host.")
                }
            case 6 where headers.matches(line.name, "expect"):
                guard equalsIgnoringCase(headers.bytes[line.value.indices], "100-continue".utf8) else {
                    throw HTTPError(417, "Only 100-continue can be expected.")
                }
                expectsContinue = minorVersion == 1
            case 10 where headers.matches(line.name, "connection"):
                if headers.list("connection", contains: "close") {
                    keepsAlive = false
                } else if minorVersion == 0, headers.list("connection", contains: "keep-alive") {
                    keepsAlive = true
                }
            case 14 where headers.matches(line.name, "content-length"):
                try body.add(contentLength: headers.bytes[line.value.indices])
            case 17 where headers.matches(line.name, "transfer-encoding"):
                try body.add(transferEncoding: headers.bytes[line.value.indices])
            default:
                break
            }
        }
        guard hosts == 1 || (hosts == 0 && minorVersion == 0) else {
            throw HTTPError(.badRequest, "A request has exactly one Host header.")
        }
        framing = try body.framing(minorVersion: minorVersion)
    }
}

/// The version's last figure.
///
/// - Throws: ``HTTPError``: 505 for another major version, 400 for what is no version.
func parseVersion(_ bytes: Span<UInt8>, at start: Int) throws(HTTPError) -> Int {
    let name: StaticString = "HTTP/"
    guard start + 8 <= bytes.count,
        (0..<5).allSatisfy({ bytes[start + $0] == name.utf8[$0] }),
        ByteClass.isDigit(bytes[start + 5]), bytes[start + 6] == 0x2E, ByteClass.isDigit(bytes[start + 7])
    else { throw HTTPError(.badRequest, "The HTTP version is malformed.") }
    guard bytes[start + 5] == 0x31, bytes[start + 7] <= 0x31 else {
        throw HTTPError(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    }
    return Int(bytes[start + 7] - 0x30)
}

/// Collects what the head says about the body's length. Two readers that disagree about it let a request be smuggled
/// past one of them, so anything that leaves room for doubt is refused.
struct HTTPBodyRules {
    private var length: Int?
    private var isChunked = false

    mutating func add(contentLength value: ArraySlice<UInt8>) throws(HTTPError) {
        guard length == nil else { throw HTTPError(.badRequest, "There is more than one Content-Length.") }
        // 18 figures fit an Int.
        guard 1...18 ~= value.count, value.allSatisfy(ByteClass.isDigit) else {
            throw HTTPError(.badRequest, "The Content-Length is not a number.")
        }
        length = value.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    mutating func add(transferEncoding value: ArraySlice<UInt8>) throws(HTTPError) {
        guard !isChunked else { throw HTTPError(.badRequest, "There is more than one Transfer-Encoding.") }
        guard equalsIgnoringCase(value, "chunked".utf8) else {
            throw HTTPError(501, "The only Transfer-Encoding spoken here is chunked.")
        }
        isChunked = true
    }

    func framing(minorVersion: Int) throws(HTTPError) -> HTTPRequestHead.HTTPFraming {
        if isChunked {
            guard length == nil else {
                throw HTTPError(.badRequest, "There are both a Content-Length and a Transfer-Encoding.")
            }
            guard minorVersion == 1 else {
                throw HTTPError(.badRequest, "HTTP/1.0 knows no Transfer-Encoding.")
            }
        }
        return HTTPRequestHead.HTTPFraming(length: length, isChunked: isChunked)
    }
}
