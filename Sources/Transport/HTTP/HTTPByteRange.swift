/// The `Range` of a request for bytes (RFC 9110, section 14).
package enum HTTPByteRange: Equatable, Sendable {
    /// All of it: there is no such line, or one that may be overlooked.
    case whole
    case part(Range<Int64>)
    /// Nothing of what was asked for exists.
    case unsatisfiable

    /// - Parameters:
    ///   - value: The header's value; `nil` without one.
    ///   - size: Bytes that there are.
    package init(_ value: String?, of size: Int64) {
        guard let value, case let bytes = Array(value.utf8), bytes.starts(with: "bytes=".utf8) else {
            self = .whole
            return
        }
        // Several ranges at once may be answered as a whole; nobody here needs them.
        let spec = bytes.dropFirst(6)
        guard let hyphen = spec.firstIndex(of: 0x2D), !spec.contains(0x2C) else {
            self = .whole
            return
        }
        let number = { (digits: ArraySlice<UInt8>) -> Int64? in
            digits.isEmpty || digits.contains { !ByteClass.isDigit($0) }
                ? nil : Int64(String(decoding: digits, as: UTF8.self)) ?? .max
        }
        let (first, last) = (trimmed(spec[..<hyphen]), trimmed(spec[(hyphen + 1)...]))
        switch (number(first), number(last)) {
        case (nil, let count?) where first.isEmpty:
            self = count == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - count)..<size)
        case (let start?, nil) where last.isEmpty:
            self = start < size ? .part(start..<size) : .unsatisfiable
        case (let start?, let end?) where start <= end:
            self = start < size ? .part(start..<min(size, end == .max ? size : end + 1)) : .unsatisfiable
        default:
            self = .whole
        }
    }
}

extension HTTPResponse {
    /// Answers with a file, or with the part of it that the request asks for.
    ///
    /// - Parameters:
    ///   - file: A regular file, opened for reading.
    ///   - size: Its size in bytes.
    ///   - modified: When it was last written, in seconds since 1970; `nil` leaves that out.
    ///   - headers: More header lines.
    ///   - request: Whose `Range` counts.
    /// - Returns: 200, 206 or 416.
    package static func file(
        _ file: OpenFile, size: Int64, modified: Int64? = nil, headers: [HTTPField] = [], for request: HTTPRequest
    ) -> HTTPResponse {
        var headers = headers
        headers.append(HTTPField("Accept-Ranges", "bytes"))
        if let modified, (0...253_402_300_799).contains(modified) {
            headers.append(HTTPField("Last-Modified", HTTPDate.text(Int(modified))))
        }
        // Without a validator of the file's, a part is never asked for "if it is still the same".
        let asked = request.headers.contains("if-range") ? nil : request.headers["range"]
        switch HTTPByteRange(asked, of: size) {
        case .whole:
            return HTTPResponse(.ok, headers: headers, body: .file(file, 0..<size))
        case .part(let range):
            headers.append(HTTPField("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"))
            return HTTPResponse(206, headers: headers, body: .file(file, range))
        case .unsatisfiable:
            return HTTPResponse(416, headers: [HTTPField("Content-Range", "bytes */\(size)")])
        }
    }
}
