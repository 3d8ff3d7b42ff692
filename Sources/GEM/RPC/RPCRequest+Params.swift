extension RPCRequest {
    /// The parameters as one object by name, whichever way the client gave them.
    ///
    /// - Parameters:
    ///   - names: The method's parameters in the order in which a list gives them; ASCII that needs no escape.
    ///   - text: The text that the request was read from.
    /// - Returns: An object in the client's own bytes; `{}` where there are no parameters.
    /// - Throws: ``Failure`` of kind `invalidParams` where a list is longer than `names`.
    public func namedParams(_ names: [StaticString], of text: Span<UInt8>) throws(Failure) -> [UInt8] {
        var named = JSONWriter()
        switch params {
        case .named(let range): named.raw(text.extracting(range))
        case .none:
            named.beginObject()
            named.endObject()
        case .positional(let range):
            named.beginObject()
            for (place, value) in try elements(range, text).enumerated() {
                guard place < names.count else {
                    throw Failure(
                        .invalidParams,
                        "\(method) takes at most \(names.count) parameters: \(names.map(\.description).joined(separator: ", "))."
                    )
                }
                named.name(names[place])
                named.raw(text.extracting(value))
            }
            named.endObject()
        }
        return named.bytes
    }

    /// Where the elements of the list at `range` are.
    private func elements(_ range: Range<Int>, _ text: Span<UInt8>) throws(Failure) -> [Range<Int>] {
        var scanner = JSONScanner(at: range.lowerBound)
        var elements: [Range<Int>] = []
        do throws(JSONError) {
            var array = try scanner.openArray(in: text)
            while try scanner.nextElement(of: &array, in: text) { elements.append(try scanner.skipValue(in: text)) }
        } catch {
            throw Failure(error)
        }
        return elements
    }
}
