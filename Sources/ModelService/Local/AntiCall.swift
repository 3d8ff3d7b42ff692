import GEM
package import Transport

/// A training loop's side of the conversation: it gives the answer to one request and gets the next.
///
/// A training loop is a series of calls, from index 0 on:
///
///     var request = try await loop.next(after: 0, response: nil)
///     var index = 0
///     while request != AntiCall.end {
///         index += 1
///         request = try await loop.next(after: index, response: model(request))
///     }
package struct AntiCall: Sendable {
    /// What is given in place of a request when the agent has ended.
    package static let end = ConversationLine.endText

    private let file: ConversationFile
    private let loop: EventLoop

    /// - Parameters:
    ///   - path: The file that the service appends to, which need not be there yet.
    ///   - loop: Watches the file.
    package init(_ path: String, on loop: EventLoop) {
        file = ConversationFile(path: path)
        self.loop = loop
    }

    /// Answers request `index` and waits for the one behind it, for as long as that takes.
    ///
    /// - Parameters:
    ///   - index: The request that is answered; 0 asks for the first.
    ///   - response: The answer's JSON. Giving it again changes nothing.
    /// - Returns: The JSON of request `index + 1`, or ``end``.
    /// - Throws: ``Failure``: `invalidArgument` for an answer that does not fit the index, or is no JSON; `conflict` where a
    ///   later request has been answered already; `notFound` where there is no request at all; `CancellationError`.
    package func next(after index: Int, response: [UInt8]?) async throws -> [UInt8] {
        let response = try Self.check(index, response)
        let file = file
        try await BlockingPool.run { try file.makeFolder() }
        // Before the file is looked at, so that nothing is missed between looking and waiting.
        let watch = try FileWatch(file, on: loop)
        defer { watch.cancel() }
        let (found, place) = try await BlockingPool.run { () throws -> ([UInt8]?, Int) in
            if let response { try Self.push(response, index, to: file) }
            return try Self.find(index + 1, in: file)
        }
        if let found { return found }
        var tail = LineTail(file.path, from: place)
        for await _ in watch.changes {
            let before = tail
            let (after, line) = try await BlockingPool.run {
                var tail = before
                var found: [UInt8]?
                try tail.read { line in
                    guard let kind = ConversationLine.kind(of: line), kind != .response else { return true }
                    found = Self.text(of: ConversationLine(line), index + 1)
                    return found == nil
                }
                return (tail, found)
            }
            if let line { return line }
            tail = after
        }
        throw CancellationError()
    }

    private static func check(_ index: Int, _ response: [UInt8]?) throws(Failure) -> [UInt8]? {
        guard index >= 0 else { throw Failure(.invalidArgument, "The index must be 0 or more.") }
        guard let response else {
            guard index == 0 else {
                throw Failure(.invalidArgument, "Index \(index) needs the response to request \(index).")
            }
            return nil
        }
        guard index > 0 else {
            throw Failure(.invalidArgument, "Index 0 takes no response: no request came before it.")
        }
        var text = response
        let range: Range<Int>
        do throws(JSONError) { range = try JSONScanner.validate(text.span) } catch {
            throw Failure(.invalidArgument, "The response is not JSON: \(error).")
        }
        text = Array(text[range])
        // The other side reads lines, and takes nothing that is empty for an answer.
        JSON.joinLines(of: &text)
        guard text.first == 0x7B, text.contains(0x22) else {
            throw Failure(.invalidArgument, "The response must be a JSON object with at least one member.")
        }
        return text
    }

    /// Appends the response unless it is there.
    private static func push(_ response: [UInt8], _ index: Int, to file: ConversationFile) throws(Failure) {
        var last: Int?
        _ = try LinesFromEnd.walk(file.path) { line throws(Failure) in
            guard let kind = ConversationLine.kind(of: line), kind != .end else { return true }
            switch ConversationLine(line) {
            case .response(let index, _): last = index
            // In front of a request stand answers to earlier ones only.
            case .request(let other, _): return other > index
            case .end, nil: return true
            }
            return false
        }
        if let last, index < last {
            throw Failure(.conflict, "Request \(last) has been answered already, so request \(index) cannot be.")
        }
        if last == index { return }
        try file.append(ConversationLine.response(response, index: index, milliseconds: ConversationFile.now))
    }

    /// Looks for request `index`, and for where to wait for it.
    private static func find(_ index: Int, in file: ConversationFile) throws(Failure) -> ([UInt8]?, Int) {
        var found: [UInt8]?
        var isThereAny = false
        let place = try LinesFromEnd.walk(file.path) { line throws(Failure) in
            guard let kind = ConversationLine.kind(of: line), kind != .response, let line = ConversationLine(line)
            else {
                return true
            }
            isThereAny = true
            found = text(of: line, index)
            if found != nil { return false }
            // Requests are numbered upwards: what is further back is earlier still.
            if case .request(let other, _) = line { return other > index }
            return false
        }
        guard isThereAny || index == 1 else {
            throw Failure(.notFound, "There is no request in \(file.path), so request \(index - 1) cannot be answered.")
        }
        return (found, place)
    }

    private static func text(of line: ConversationLine?, _ index: Int) -> [UInt8]? {
        switch line {
        case .end: end
        case .request(index, let text): text
        case .request, .response, nil: nil
        }
    }
}
