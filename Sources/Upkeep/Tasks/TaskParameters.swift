package import GEM

/// The parameters of a task, read one by one; what nobody asked for is an error, not silence.
package struct TaskParameters {
    private let object: JSON.Object
    private var known: Set<String> = []

    package init(_ object: JSON.Object) { self.object = object }

    /// The text called `name`; `nil` where it is absent or null.
    package mutating func text(_ name: String) throws(Failure) -> String? {
        guard let value = value(name) else { return nil }
        if let text = value.string { return text }
        // YAML and JSON alike take 80% for text and 20 for a number: both are meant as written.
        if case .number(let number) = value { return number.text }
        throw refusal(name, "text")
    }

    /// The number called `name`; `nil` where it is absent or null.
    package mutating func number(_ name: String, in range: ClosedRange<Double>) throws(Failure) -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.double, range.contains(number) else {
            throw refusal(name, "a number from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))")
        }
        return number
    }

    /// The truth value called `name`; `nil` where it is absent or null.
    package mutating func bool(_ name: String) throws(Failure) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let bool = value.bool else { throw refusal(name, "true or false") }
        return bool
    }

    /// The list of texts called `name`; `nil` where it is absent or null.
    package mutating func texts(_ name: String) throws(Failure) -> [String]? {
        guard let items = try list(name) else { return nil }
        var texts: [String] = []
        for item in items {
            guard let text = item.string else { throw refusal(name, "a list of texts") }
            texts.append(text)
        }
        return texts
    }

    /// The list called `name`; `nil` where it is absent or null.
    package mutating func list(_ name: String) throws(Failure) -> [JSON]? {
        guard let value = value(name) else { return nil }
        guard let items = value.array, items.count <= 1000 else { throw refusal(name, "a list of at most 1000 items") }
        return items
    }

    /// Ends the reading.
    ///
    /// - Throws: ``Failure`` that names the first parameter that none of the calls before asked for, and the nearest there is.
    package func refuseUnknown() throws(Failure) {
        guard let (name, _) = object.members.first(where: { !known.contains($0.name) }) else { return }
        let hint = Spelling.suggestion(for: name, among: known.sorted())
        throw Failure(.invalidArgument, "There is no parameter '\(name)'.\(hint)")
    }

    /// The failure that says what a parameter must be.
    package func refusal(_ name: String, _ wanted: String) -> Failure {
        Failure(.invalidArgument, "The parameter '\(name)' must be \(wanted).")
    }

    private mutating func value(_ name: String) -> JSON? {
        known.insert(name)
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    private static func text(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? String(number)
    }
}
