/// The actions of one `step`, read straight from the line into storage that is used again.
package struct ActionList: Sendable {
    /// One action: for which environment, and where its text is.
    package struct Entry {
        package let index: Int
        /// Where the text is: in ``ActionList/decoded`` if it held escapes, otherwise in the line.
        package let range: Range<Int>
        package let isDecoded: Bool
    }

    /// The actions in the order given.
    package private(set) var entries: [Entry] = []
    /// The text of the actions that were written with escapes.
    package private(set) var decoded: [UInt8] = []
    /// The longest action that is read, in bytes.
    let byteLimit: Int

    private var isTaken: [Bool] = []

    package init(byteLimit: Int) { self.byteLimit = byteLimit }

    /// Reads the actions out of the object at `params`, which the scanner has checked.
    ///
    /// - Parameters:
    ///   - params: Where the parameters are; empty where there are none.
    ///   - line: The text they are in.
    ///   - count: How many environments there are; `nil` for a single one, which takes `action` instead of `actions`.
    /// - Throws: ``Failure`` of kind `invalidAction` where actions are no strings or too long, `invalidParams` where they are
    ///   missing or do not fit the environments.
    package mutating func read(_ params: Range<Int>, of line: Span<UInt8>, count: Int?) throws(Failure) {
        entries.removeAll(keepingCapacity: true)
        decoded.removeAll(keepingCapacity: true)
        do {
            try readMembers(params, of: line, count: count)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.invalidParams, "The parameters cannot be read: \(error).")
        }
    }

    /// Gives storage back that one unusually large step has needed.
    mutating func trim() {
        if decoded.capacity > AnswerWriter.roomKept { decoded = [] }
    }

    private mutating func readMembers(_ params: Range<Int>, of line: Span<UInt8>, count: Int?) throws {
        let wanted: StaticString = count == nil ? "action" : "actions"
        let other: StaticString = count == nil ? "actions" : "action"
        var isFound = false
        if !params.isEmpty {
            var scanner = JSONScanner(at: params.lowerBound)
            var object = try scanner.openObject(in: line)
            while let name = try scanner.nextName(of: &object, in: line) {
                if name.equals(wanted, in: line) {
                    guard !isFound else { throw Failure(.invalidParams, "\(wanted) is given twice.") }
                    isFound = true
                    if let count {
                        try readActions(&scanner, line, count)
                    } else {
                        try readAction(&scanner, line, for: 0)
                    }
                } else if name.equals(other, in: line) {
                    throw Failure(
                        .invalidParams,
                        count == nil
                            ? "This is a single environment; give its action as action."
                            : "These are \(count ?? 0) environments; give their actions as actions.")
                } else {
                    _ = try scanner.skipValue(in: line)
                }
            }
        }
        guard isFound else { throw Failure(.invalidParams, "step needs \(wanted).") }
    }

    private mutating func readActions(_ scanner: inout JSONScanner, _ line: Span<UInt8>, _ count: Int) throws {
        switch scanner.peek(in: line) {
        case 0x5B:
            var array = try scanner.openArray(in: line)
            while try scanner.nextElement(of: &array, in: line) {
                guard entries.count < count else { throw wrongCount("more than \(count)", count) }
                try readAction(&scanner, line, for: entries.count)
            }
            guard entries.count == count else { throw wrongCount("\(entries.count)", count) }
        case 0x7B:
            isTaken.removeAll(keepingCapacity: true)
            isTaken.append(contentsOf: repeatElement(false, count: count))
            var object = try scanner.openObject(in: line)
            while let name = try scanner.nextName(of: &object, in: line) {
                guard let index = index(name, line, count), !isTaken[index] else {
                    throw Failure(
                        .invalidParams,
                        "actions as an object has different indices from 0 to \(count - 1) as names, such as \"0\".")
                }
                isTaken[index] = true
                try readAction(&scanner, line, for: index)
            }
        default:
            throw Failure(
                .invalidAction, "actions must be a list with an action for each environment, or an object by index.")
        }
    }

    private func wrongCount(_ given: String, _ count: Int) -> Failure {
        Failure(
            .invalidParams,
            "There are \(count) environments but \(given) actions; an object by index steps only some of them.")
    }

    /// The index that `name` spells: decimal, without sign and leading zeros.
    private func index(_ name: JSONString, _ line: Span<UInt8>, _ count: Int) -> Int? {
        guard !name.hasEscapes, 1...9 ~= name.range.count else { return nil }
        var index = 0
        for place in name.range {
            guard 0x30...0x39 ~= line[place] else { return nil }
            index = index * 10 + Int(line[place] - 0x30)
        }
        return index < count && (name.range.count == 1 || line[name.range.lowerBound] != 0x30) ? index : nil
    }

    @inline(__always)
    private mutating func readAction(_ scanner: inout JSONScanner, _ line: Span<UInt8>, for index: Int) throws {
        guard scanner.peek(in: line) == 0x22 else {
            throw Failure(.invalidAction, "An action must be a string.")
        }
        let string = try scanner.readString(in: line)
        guard string.range.count <= byteLimit else {
            throw Failure(.invalidAction, "An action may have at most \(byteLimit) bytes; shorten it.")
        }
        if string.hasEscapes {
            let start = decoded.count
            string.appendMeaning(of: line, to: &decoded)
            entries.append(Entry(index: index, range: start..<decoded.count, isDecoded: true))
        } else {
            entries.append(Entry(index: index, range: string.range, isDecoded: false))
        }
    }
}
