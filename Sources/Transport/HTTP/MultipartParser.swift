import CLinux

/// What stands in front of one part of a `multipart/form-data` body.
package struct MultipartPart: Sendable, Equatable {
    /// What the form calls it.
    package let name: String
    /// The file's name at its sender, as sent: never a path to be trusted. `nil` for a plain field.
    package let fileName: String?
    package let contentType: String?

    package init(name: String, fileName: String? = nil, contentType: String? = nil) {
        self.name = name
        self.fileName = fileName
        self.contentType = contentType
    }
}

/// Takes a `multipart/form-data` body (RFC 7578) apart: bytes in, parts out, in whatever portions they arrive.
struct MultipartParser {
    /// What ``next(_:from:)`` found.
    enum Event: Equatable {
        case part(MultipartPart)
        /// The current part's next bytes lie there, relative to the given bytes.
        case data(Range<Int>)
        case endOfPart
        /// The body has ended; what follows means nothing.
        case end
        /// What is left of the given bytes must be given again, with more behind it.
        case needsMore
    }

    private enum State { case preamble, afterBoundary, head, data, ended }

    /// Head lines of one part.
    private static let headLimit = 16 * 1024
    private static let partLimit = 1000

    /// CR LF, two hyphens, the boundary.
    private let delimiter: [UInt8]
    private var state = State.preamble
    private var parts = 0

    /// - Parameter contentType: The request's `Content-Type`.
    /// - Throws: ``HTTPError`` with 415 when it is another type, 400 without a usable boundary.
    init(contentType: String?) throws(HTTPError) {
        let value = Array((contentType ?? "").utf8)
        guard let (type, parameters) = HeaderParameters.parse(value[...]), type == "multipart/form-data" else {
            throw HTTPError(415, "The body must be multipart/form-data.")
        }
        guard let boundary = parameters["boundary"], 1...70 ~= boundary.utf8.count,
            boundary.utf8.allSatisfy({ (0x20...0x7E) ~= $0 })
        else { throw HTTPError(.badRequest, "The multipart body has no boundary of 1 to 70 characters.") }
        delimiter = Array("\r\n--\(boundary)".utf8)
    }

    /// - Parameters:
    ///   - bytes: Bytes of the body.
    ///   - position: Where to go on; moved past what has been used.
    /// - Returns: What was found next.
    /// - Throws: ``HTTPError`` with 400 for what is not multipart.
    mutating func next(_ bytes: UnsafeRawBufferPointer, from position: inout Int) throws(HTTPError) -> Event {
        while true {
            switch state {
            case .preamble:
                // Nothing has to precede the first boundary, so its line end may be missing.
                guard let found = findFirst(bytes, &position) else { return .needsMore }
                position = found
                state = .afterBoundary
            case .afterBoundary:
                guard bytes.count - position >= 2 else { return .needsMore }
                if bytes[position] == 0x2D, bytes[position + 1] == 0x2D {
                    state = .ended
                    return .end
                }
                guard let lineEnd = skipBlanks(bytes, position) else { return .needsMore }
                guard bytes[lineEnd] == 0x0D, bytes[lineEnd + 1] == 0x0A else { throw Self.malformed }
                // The line's end stays: it may already be the empty line behind no head at all.
                position = lineEnd
                state = .head
            case .head:
                guard let (part, end) = try takeHead(bytes, position) else { return .needsMore }
                position = end
                state = .data
                return .part(part)
            case .data:
                return takeData(bytes, &position)
            case .ended:
                return .end
            }
        }
    }

    private func findFirst(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Int? {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
        let bare = delimiter.dropFirst(2)
        if rest.count >= bare.count, rest.prefix(bare.count).elementsEqual(bare) { return position + bare.count }
        if let found = Self.find(delimiter, in: rest) { return position + found + delimiter.count }
        // A preamble is skipped but for what may be the beginning of the boundary.
        if rest.count > 2 * delimiter.count { position = bytes.count - delimiter.count }
        return nil
    }

    /// Senders may put blanks behind a boundary. Where the line ends; `nil` when that has not arrived.
    private func skipBlanks(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var at = start
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x09, at - start < 64 { at += 1 }
        return at + 1 < bytes.count ? at : nil
    }

    private mutating func takeHead(
        _ bytes: UnsafeRawBufferPointer, _ start: Int
    ) throws(HTTPError) -> (MultipartPart, end: Int)? {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(Self.headLimit + 4))
        guard let length = Self.find([0x0D, 0x0A, 0x0D, 0x0A], in: rest) else {
            guard rest.count < Self.headLimit + 4 else { throw HTTPError(.badRequest, "A part's head is too long.") }
            return nil
        }
        parts += 1
        guard parts <= Self.partLimit else {
            throw HTTPError(.badRequest, "There are more than \(Self.partLimit) parts.")
        }
        var disposition: (String, [String: String])?
        var contentType: String?
        var lines = Array(rest.prefix(length))[...]
        while !lines.isEmpty {
            let end = Self.lineEnd(lines)
            let line = lines[..<end]
            lines = lines[end...].dropFirst(2)
            if line.isEmpty { continue }
            guard let colon = line.firstIndex(of: 0x3A) else { throw Self.malformed }
            let value = trimmed(line[(colon + 1)...])
            if equalsIgnoringCase(line[..<colon], "content-disposition".utf8) {
                disposition = HeaderParameters.parse(value)
            } else if equalsIgnoringCase(line[..<colon], "content-type".utf8) {
                contentType = String(decoding: value, as: UTF8.self)
            }
        }
        guard let (kind, parameters) = disposition, kind == "form-data", let name = parameters["name"] else {
            throw HTTPError(.badRequest, "A part does not say which field of the form it is.")
        }
        let part = MultipartPart(name: name, fileName: parameters["filename"], contentType: contentType)
        return (part, start + length + 4)
    }

    private static func lineEnd(_ lines: ArraySlice<UInt8>) -> Int {
        var at = lines.startIndex
        while at + 1 < lines.endIndex {
            if lines[at] == 0x0D, lines[at + 1] == 0x0A { return at }
            at += 1
        }
        return lines.endIndex
    }

    private mutating func takeData(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Event {
        let start = position
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
        if let found = Self.find(delimiter, in: rest) {
            if found > 0 {
                position = start + found
                return .data(start..<position)
            }
            position = start + delimiter.count
            state = .afterBoundary
            return .endOfPart
        }
        // What may be the beginning of the boundary waits for the rest of it.
        var safe = rest.count
        for at in stride(from: max(0, rest.count - delimiter.count + 1), to: rest.count, by: 1)
        where rest[at] == 0x0D {
            safe = at
            break
        }
        guard safe > 0 else { return .needsMore }
        position = start + safe
        return .data(start..<position)
    }

    private static func find(_ needle: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        let found = rock_find(bytes.baseAddress, bytes.count, needle, needle.count)
        return found < 0 ? nil : found
    }

    private static let malformed = HTTPError(.badRequest, "The multipart body is malformed.")
}

/// A header's value of the form `type; name=value; name="value"`.
enum HeaderParameters {
    /// - Returns: The first item in lower case and the parameters, names in lower case; `nil` where it is malformed.
    static func parse(_ value: ArraySlice<UInt8>) -> (String, [String: String])? {
        var rest = value
        let type = String(decoding: trimmed(rest.prefix { $0 != 0x3B }), as: UTF8.self).lowercased()
        rest = rest.drop { $0 != 0x3B }
        var parameters: [String: String] = [:]
        while rest.popFirst() != nil {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
            if rest.isEmpty { break }
            let name = rest.prefix { $0 != 0x3D && $0 != 0x3B }
            rest = rest[name.endIndex...]
            guard rest.first == 0x3D, !name.isEmpty else { return nil }
            rest = rest.dropFirst()
            guard let text = rest.first == 0x22 ? quoted(&rest) : plain(&rest) else { return nil }
            let key = String(decoding: trimmed(name), as: UTF8.self).lowercased()
            // Two values of one name would let two readers disagree.
            guard parameters.updateValue(text, forKey: key) == nil else { return nil }
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
            guard rest.isEmpty || rest.first == 0x3B else { return nil }
        }
        return (type, parameters)
    }

    private static func plain(_ rest: inout ArraySlice<UInt8>) -> String? {
        let text = rest.prefix { $0 != 0x3B }
        rest = rest[text.endIndex...]
        return String(validating: trimmed(text), as: UTF8.self)
    }

    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> String? {
        rest = rest.dropFirst()
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case 0x22: return String(validating: text, as: UTF8.self)
            // Browsers leave a backslash of a file's name as it is; only a quote is ever escaped by it.
            case 0x5C where rest.first == 0x22 || rest.first == 0x5C:
                if let next = rest.popFirst() { text.append(next) }
            default: text.append(byte)
            }
        }
        return nil
    }
}
