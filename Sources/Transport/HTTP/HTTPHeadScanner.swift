/// Finds the end of a message head in bytes that come in pieces, looking at each byte once.
///
/// A line feed that no carriage return precedes is refused here, so that bytes which are not HTTP at all are refused at
/// their first line.
struct HTTPHeadScanner {
    private var scanned = 0
    private var lineStart = 0
    private var lines = 0

    /// - Parameters:
    ///   - bytes: What has arrived of the message so far: what was given before, and more.
    ///   - limits: How large the head may be.
    /// - Returns: How many bytes the head has, with the empty line that ends it; `nil` when that line is still to come.
    /// - Throws: ``HTTPError``: 400 for a bare line feed or what cannot begin a message, 414 and 431 beyond a limit.
    mutating func scan(_ bytes: Span<UInt8>, _ limits: HTTPHeadLimits) throws(HTTPError) -> Int? {
        if scanned == 0, !bytes.isEmpty, !ByteClass.isToken(bytes[0]) {
            throw HTTPError(.badRequest, "The first byte cannot begin an HTTP message.")
        }
        while scanned < bytes.count {
            defer { scanned += 1 }
            guard bytes[scanned] == 0x0A else { continue }
            guard scanned > 0, bytes[scanned - 1] == 0x0D else {
                throw HTTPError(.badRequest, "A line ends with a bare line feed.")
            }
            try checkLimits(scanned, limits)
            if scanned - lineStart == 1 { return scanned + 1 }
            lineStart = scanned + 1
            lines += 1
        }
        try checkLimits(scanned, limits)
        return nil
    }

    private func checkLimits(_ position: Int, _ limits: HTTPHeadLimits) throws(HTTPError) {
        if lines == 0, position > limits.startLineBytes + 1 {
            throw HTTPError(414, "The request line is longer than \(limits.startLineBytes) bytes.")
        }
        if lines > limits.headerCount + 1 {
            throw HTTPError(431, "There are more than \(limits.headerCount) header lines.")
        }
        if position >= limits.headBytes {
            throw HTTPError(431, "The request head is longer than \(limits.headBytes) bytes.")
        }
    }
}
