package import GEM

/// One mapping of a configuration file, read key by key; what nobody asked for is an error, not silence.
package struct ConfigurationSection {
    private let name: String
    /// What errors call the file.
    package let file: String
    /// The line it begins on, counted from 1.
    package let line: Int
    private let pairs: [(key: String, value: YAML)]
    private var known: Set<String> = []

    /// - Throws: ``Failure`` unless `yaml` is a mapping.
    package init(_ yaml: YAML, name: String, file: String) throws(Failure) {
        switch yaml.content {
        case .mapping(let pairs): self.pairs = pairs
        case .scalar("", _): self.pairs = []  // `sandbox:` with nothing behind it
        case .scalar, .sequence:
            throw Failure(.invalidArgument, "\(file):\(yaml.line): \(name) must be a mapping of keys to values.")
        }
        (self.name, self.file, self.line) = (name, file, yaml.line)
    }

    /// The text called `key`; `nil` where it is absent.
    package mutating func text(_ key: String) throws(Failure) -> String? {
        guard let value = value(key) else { return nil }
        guard case .scalar(let text, _) = value.content else { throw wrong(key, value, "text") }
        return text
    }

    /// The whole number called `key`; `nil` where it is absent.
    package mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let value = value(key) else { return nil }
        guard case .scalar(let text, _) = value.content, let number = Int(text), range.contains(number) else {
            throw wrong(key, value, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The truth value called `key`, `true` or `false`; `nil` where it is absent.
    package mutating func boolean(_ key: String) throws(Failure) -> Bool? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .scalar("true", isPlain: true): return true
        case .scalar("false", isPlain: true): return false
        default: throw wrong(key, value, "true or false")
        }
    }

    /// The number called `key`; `nil` where it is absent.
    package mutating func number(_ key: String, in range: ClosedRange<Double>) throws(Failure) -> Double? {
        guard let value = value(key) else { return nil }
        guard case .scalar(let text, _) = value.content, let number = Double(text), range.contains(number) else {
            throw wrong(key, value, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The size in bytes called `key`, such as `256m`; `nil` where it is absent.
    package mutating func bytes(_ key: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let value = value(key) else { return nil }
        guard case .scalar(let text, _) = value.content, let size = ByteCount(text)?.rawValue, range.contains(size)
        else {
            throw wrong(
                key, value,
                "a size such as 256m, from \(ByteCount(rawValue: range.lowerBound)) to "
                    + "\(ByteCount(rawValue: range.upperBound))")
        }
        return size
    }

    /// The word called `key`, one of the cases of `Word`; `nil` where it is absent.
    package mutating func word<Word: RawRepresentable & CaseIterable>(_ key: String) throws(Failure) -> Word?
    where Word.RawValue == String {
        guard let value = value(key) else { return nil }
        guard case .scalar(let text, _) = value.content, let word = Word(rawValue: text) else {
            throw wrong(key, value, "one of " + Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return word
    }

    /// The list of texts called `key`; `nil` where it is absent.
    package mutating func texts(_ key: String) throws(Failure) -> [String]? {
        guard let value = value(key) else { return nil }
        guard case .sequence(let items) = value.content else { throw wrong(key, value, "a list of texts") }
        var texts: [String] = []
        for item in items {
            guard case .scalar(let text, _) = item.content else { throw wrong(key, item, "a list of texts") }
            texts.append(text)
        }
        return texts
    }

    /// The list of texts called `key`; `nil` where it is absent or something else, which the next call may ask for.
    package mutating func list(_ key: String) -> [String]? {
        guard case .sequence? = value(key)?.content else { return nil }
        return try? texts(key)
    }

    /// The list of numbers called `key`; `nil` where it is absent.
    package mutating func numbers(_ key: String) throws(Failure) -> [Double]? {
        guard let texts = try texts(key) else { return nil }
        let numbers = texts.compactMap(Double.init).filter(\.isFinite)
        guard numbers.count == texts.count else { throw wrong(key, "a list of numbers") }
        return numbers
    }

    /// The members of the mapping called `key`, as JSON has them; none where it is absent.
    package mutating func values(_ key: String) throws(Failure) -> [(key: String, value: JSON)] {
        guard let value = value(key) else { return [] }
        if case .scalar("", isPlain: true) = value.content { return [] }
        guard case .mapping(let pairs) = value.content else { throw wrong(key, value, "a mapping of keys to values") }
        return pairs.map { ($0.key, $0.value.json) }
    }

    /// That the value of `key`, or the whole section where it has none, is not as it must be.
    package func wrong(_ key: String, _ wanted: String) -> Failure {
        let line = pairs.first { $0.key == key }?.value.line ?? line
        return Failure(.invalidArgument, "\(file):\(line): '\(key)' must be \(wanted).")
    }

    /// The list of whole numbers called `key`; `nil` where it is absent.
    package mutating func integers(_ key: String, in range: ClosedRange<Int>) throws(Failure) -> [Int]? {
        guard let value = value(key) else { return nil }
        let wanted = "a list of whole numbers from \(range.lowerBound) to \(range.upperBound)"
        guard case .sequence(let items) = value.content else { throw wrong(key, value, wanted) }
        var numbers: [Int] = []
        for item in items {
            guard case .scalar(let text, _) = item.content, let number = Int(text), range.contains(number) else {
                throw wrong(key, item, wanted)
            }
            numbers.append(number)
        }
        return numbers
    }

    /// The texts by free names called `key`; `nil` where it is absent.
    package mutating func textsByName(_ key: String) throws(Failure) -> [String: String]? {
        guard let value = value(key) else { return nil }
        guard case .mapping(let pairs) = value.content else { throw wrong(key, value, "a mapping of names to texts") }
        var texts: [String: String] = [:]
        for (name, item) in pairs {
            guard case .scalar(let text, _) = item.content else { throw wrong(name, item, "text") }
            texts[name] = text
        }
        return texts
    }

    /// The text called `key`; `nil` where it is absent, empty or `null`.
    package mutating func optionalText(_ key: String) throws(Failure) -> String? {
        guard case .scalar(let text, isPlain: true)? = value(key)?.content, ["", "~", "null"].contains(text) else {
            return try text(key)
        }
        return nil
    }

    /// The mapping called `key`; an empty one where it is absent.
    package mutating func section(_ key: String) throws(Failure) -> ConfigurationSection? {
        guard let value = value(key) else { return nil }
        return try ConfigurationSection(value, name: key, file: file)
    }

    /// The list of mappings called `key`, each of which errors call `name`; `nil` where it is absent.
    package mutating func sections(_ key: String, each name: String) throws(Failure) -> [ConfigurationSection]? {
        guard let value = value(key) else { return nil }
        guard case .sequence(let items) = value.content else { throw wrong(key, value, "a list") }
        var sections: [ConfigurationSection] = []
        for item in items { sections.append(try ConfigurationSection(item, name: name, file: file)) }
        return sections
    }

    /// Whatever stands at `key`, for those who read it by rules of their own; `nil` where it is absent.
    package mutating func node(_ key: String) -> YAML? { value(key) }

    /// The failure that says that `key`'s value is not what is `wanted`, with file and line.
    package func refusal(_ key: String, wanted: String) -> Failure {
        let value = pairs.first { $0.key == key }?.value
        return Failure(.invalidArgument, "\(file):\(value?.line ?? line): '\(key)' must be \(wanted).")
    }

    /// Ends the reading.
    ///
    /// - Throws: ``Failure`` that names the first key that none of the calls before asked for, and the nearest one
    ///   that exists.
    package func refuseUnknownKeys() throws(Failure) {
        guard let (key, value) = pairs.first(where: { !known.contains($0.key) }) else { return }
        let hint = Spelling.suggestion(for: key, among: Array(known))
        throw Failure(.invalidArgument, "\(file):\(value.line): \(name) has no key '\(key)'.\(hint)")
    }

    private mutating func value(_ key: String) -> YAML? {
        known.insert(key)
        return pairs.first { $0.key == key }?.value
    }

    private func wrong(_ key: String, _ value: YAML, _ wanted: String) -> Failure {
        Failure(.invalidArgument, "\(file):\(value.line): '\(key)' must be \(wanted).")
    }
}
