import CLinux
import GEM

/// One line of the file through which a service and a training loop speak:
///
///     LLM_REQUEST_START{…}LLM_REQUEST_END{"timestamp": 1700000000000, "index": 1}
///     LLM_RESPONSE_START{…}LLM_RESPONSE_END{"timestamp": 1700000000000, "index": 1}
///     SESSION_END
///
/// A writer that was killed leaves half a line, and the next one goes on behind it: such lines are read for the whole
/// record that they end with.
enum ConversationLine: Equatable {
    case request(index: Int, text: [UInt8])
    case response(index: Int, text: [UInt8])
    case end

    private static let requestStart = Array("LLM_REQUEST_START".utf8)
    private static let requestEnd = Array("LLM_REQUEST_END".utf8)
    private static let responseStart = Array("LLM_RESPONSE_START".utf8)
    private static let responseEnd = Array("LLM_RESPONSE_END".utf8)
    /// What stands for the end, in the file and towards a training loop.
    static let endText = Array("SESSION_END".utf8)

    // MARK: Writing

    /// The line of a request: JSON on one line, a number counted from 1, and the time since 1970.
    static func request(_ text: [UInt8], index: Int, milliseconds: Int) -> [UInt8] {
        requestStart + text + requestEnd + note(index, milliseconds)
    }

    /// The line of a response, of the same parts.
    static func response(_ text: [UInt8], index: Int, milliseconds: Int) -> [UInt8] {
        responseStart + text + responseEnd + note(index, milliseconds)
    }

    private static func note(_ index: Int, _ milliseconds: Int) -> [UInt8] {
        Array("{\"timestamp\": \(milliseconds), \"index\": \(index)}\n".utf8)
    }

    // MARK: Reading

    /// What a kind of line is, cheaply told: for skipping those that nobody wants.
    enum Kind { case request, response, end }

    /// The kind of `line`, if it ends like a record; its inside is not looked at.
    static func kind(of line: [UInt8]) -> Kind? { split(line)?.kind }

    /// Reads a line without its line feed; `nil` for what is no record.
    init?(_ line: [UInt8]) {
        guard let parts = Self.split(line) else { return nil }
        guard parts.kind != .end else {
            self = .end
            return
        }
        let note = Array(line[parts.note...])
        guard let index = (try? JSON(parsing: note.span))?["index"]?.int,  // what is no JSON is no record
            let text = Self.text(
                of: line, before: parts.textEnd, parts.kind == .request ? Self.requestStart : Self.responseStart)
        else { return nil }
        self = parts.kind == .request ? .request(index: index, text: text) : .response(index: index, text: text)
    }

    /// Finds the last end mark: what follows it is ours, so no text can hold a later one.
    private static func split(_ line: [UInt8]) -> (kind: Kind, textEnd: Int, note: Int)? {
        var end = line.count
        while end > 0, line[end - 1] <= 0x20 { end -= 1 }
        if line[..<end].suffix(endText.count).elementsEqual(endText) { return (.end, 0, 0) }
        guard end > 0, line[end - 1] == 0x7D else { return nil }
        // A note is short: the mark stands near the end.
        let start = max(0, end - 512)
        let request = last(requestEnd, in: line, from: start)
        let response = last(responseEnd, in: line, from: start)
        if let request, request > response ?? -1 { return (.request, request, request + requestEnd.count) }
        return response.map { (.response, $0, $0 + responseEnd.count) }
    }

    /// The JSON between a start mark and the end mark. Half a record in front of it, or a mark that is quoted inside, is no
    /// start of JSON that ends there.
    private static func text(of line: [UInt8], before end: Int, _ mark: [UInt8]) -> [UInt8]? {
        var from = 0
        while let start = first(mark, in: line, from: from), start + mark.count <= end {
            let text = Array(line[(start + mark.count)..<end])
            if (try? JSONScanner.validate(text.span)) != nil { return text }  // the next mark may be the one
            from = start + mark.count
        }
        return nil
    }

    private static func first(_ mark: [UInt8], in line: [UInt8], from start: Int) -> Int? {
        guard start < line.count else { return nil }
        let found = line.withUnsafeBytes { bytes in
            rock_find(bytes.baseAddress.map { $0 + start }, bytes.count - start, mark, mark.count)
        }
        return found < 0 ? nil : start + found
    }

    private static func last(_ mark: [UInt8], in line: [UInt8], from start: Int) -> Int? {
        var found: Int?
        while let next = first(mark, in: line, from: found.map { $0 + 1 } ?? start) { found = next }
        return found
    }
}
