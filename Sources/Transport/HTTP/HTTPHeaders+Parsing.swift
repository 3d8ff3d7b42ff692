extension HTTPHeaders {
    mutating func reset(to head: Span<UInt8>) {
        bytes.removeAll(keepingCapacity: true)
        head.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        lines.removeAll(keepingCapacity: true)
    }

    /// Reads the lines from `start` to the empty line that ends `head`.
    mutating func parseLines(
        _ head: Span<UInt8>, from start: Int, _ limits: HTTPHeadLimits
    ) throws(HTTPError) {
        var at = start
        while head[at] != 0x0D {
            guard lines.count < limits.headerCount else {
                throw HTTPError(431, "There are more than \(limits.headerCount) header lines.")
            }
            let nameStart = at
            while ByteClass.isToken(head[at]) { at += 1 }
            guard head[at] == 0x3A, at > nameStart else {
                // Also where a line is folded, and where a blank precedes the colon.
                throw HTTPError(.badRequest, "A header line does not begin with a name and a colon.")
            }
            let name = Int32(nameStart)..<Int32(at)
            at += 1
            while head[at] == 0x20 || head[at] == 0x09 { at += 1 }
            let valueStart = at
            while ByteClass.isFieldValue(head[at]) { at += 1 }
            var valueEnd = at
            while valueEnd > valueStart, head[valueEnd - 1] == 0x20 || head[valueEnd - 1] == 0x09 { valueEnd -= 1 }
            guard at + 1 < head.count, head[at] == 0x0D, head[at + 1] == 0x0A else {
                throw HTTPError(.badRequest, "A header's value holds a control character.")
            }
            lines.append(Line(name: name, value: Int32(valueStart)..<Int32(valueEnd)))
            at += 2
        }
        guard at + 2 == head.count, head[at + 1] == 0x0A else {
            throw HTTPError(.badRequest, "A carriage return stands alone.")
        }
    }
}
