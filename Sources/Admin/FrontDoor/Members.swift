import GEM

/// The members of a call's params that the server itself reads; the rest passes through untouched.
struct Members {
    private let text: [UInt8]
    private let members: [JSONMember]

    /// - Parameter params: One JSON object.
    /// - Throws: ``Failure`` of kind `invalidParams` where it is none, or holds a name twice.
    init(_ params: [UInt8]) throws(Failure) {
        text = params
        do { members = try JSONScanner.members(in: params.span) } catch {
            throw Failure(.invalidParams, "The params must be one JSON object: \(error).")
        }
    }

    /// Whether there is a member called `name` that is not null.
    func has(_ name: StaticString) -> Bool { value(name) != nil }

    /// The text called `name`; `nil` where it is absent or null.
    func text(_ name: StaticString, most: Int) throws(Failure) -> String? {
        guard let value = value(name) else { return nil }
        guard text[value.lowerBound] == UInt8(ascii: "\""), value.count - 2 <= most else {
            throw Failure(.invalidParams, "\(name) must be a string of at most \(most) bytes.")
        }
        var scanner = JSONScanner(at: value.lowerBound)
        do { return try scanner.readString(in: text.span).meaning(of: text.span) } catch {
            throw Failure(.invalidParams, "\(name) must be a string: \(error).")
        }
    }

    /// The word called `name`, one of the cases of `Word`; `nil` where it is absent or null.
    func word<Word: RawRepresentable & CaseIterable>(_ name: StaticString) throws(Failure) -> Word?
    where Word.RawValue == String {
        guard let value = try text(name, most: 64) else { return nil }
        guard let word = Word(rawValue: value) else {
            let words = Word.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw Failure(.invalidParams, "\(name) must be one of \(words), not \"\(value)\".")
        }
        return word
    }

    /// The truth value called `name`; `nil` where it is absent or null.
    func boolean(_ name: StaticString) throws(Failure) -> Bool? {
        guard let value = value(name) else { return nil }
        if text[value].elementsEqual("true".utf8) { return true }
        if text[value].elementsEqual("false".utf8) { return false }
        throw Failure(.invalidParams, "\(name) must be true or false.")
    }

    /// The integer called `name`; `nil` where it is absent or null.
    func integer(_ name: StaticString, in range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let value = value(name) else { return nil }
        guard let number = Int(String(decoding: text[value], as: UTF8.self)), range.contains(number) else {
            throw Failure(
                .invalidParams, "\(name) must be an integer from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// The seconds called `name`; `nil` where it is absent or null.
    func seconds(_ name: StaticString, in range: ClosedRange<Double>) throws(Failure) -> Duration? {
        guard let value = value(name) else { return nil }
        guard let number = Double(String(decoding: text[value], as: UTF8.self)), range.contains(number) else {
            throw Failure(
                .invalidParams, "\(name) must be a number of seconds from \(range.lowerBound) to \(range.upperBound).")
        }
        return .seconds(number)
    }

    private func value(_ name: StaticString) -> Range<Int>? {
        guard let member = members.first(where: { $0.name.equals(name, in: text.span) }) else { return nil }
        return text[member.value].elementsEqual("null".utf8) ? nil : member.value
    }
}
