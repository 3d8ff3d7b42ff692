extension EnvironmentSpec {
    /// Checks the keyword arguments of a `make` and fills in the defaults.
    ///
    /// - Parameter json: An object of keywords; `null` stands for an empty one.
    /// - Returns: A value for each of the spec's parameters.
    /// - Throws: ``Failure`` of kind `invalidArgument`: no object, an unknown keyword (the nearest is named), a value of
    ///   another type or out of range.
    public func arguments(from json: JSON) throws(Failure) -> Arguments {
        if json.isNull { return Arguments(defaults: parameters) }
        guard let object = json.object else {
            throw Failure(.invalidArgument, "kwargs must be an object of keyword arguments.")
        }
        var overrides: [String: Parameter.Value] = [:]
        for (name, value) in object.members {
            guard let parameter = parameters.first(where: { $0.name == name }) else { throw unknown(name) }
            overrides[name] = try parameter.value(from: value)
        }
        return Arguments(defaults: parameters, overrides: overrides)
    }

    private func unknown(_ name: String) -> Failure {
        let names = parameters.map(\.name)
        let suggestion = Spelling.suggestion(for: name, among: names)
        let known = names.isEmpty ? " It takes none." : " It takes \(names.joined(separator: ", "))."
        return Failure(
            .invalidArgument,
            "\(id) has no argument called \(quoted(name))." + (suggestion.isEmpty ? known : suggestion))
    }
}

extension Parameter {
    /// Checks one value.
    func value(from json: JSON) throws(Failure) -> Value {
        switch (type, json) {
        case (_, .null) where isOptional: return .null
        case (.boolean, .bool(let value)): return .boolean(value)
        case (.integer(let range), .number(let number)):
            if let value = number.int, range.contains(value) { return .integer(value) }
        case (.choice(let words), .string(let word)):
            if words.contains(word) { return .choice(word) }
        case (.integerPair(let range), .array(let pair)):
            if pair.count == 2, let first = pair[0].int, let second = pair[1].int, range.contains(first),
                range.contains(second)
            {
                return .integerPair(first, second)
            }
        case (.text, .string), (.number, .number), (.any, _): return .free(json)
        default: break
        }
        throw Failure(.invalidArgument, "The argument \(name) must be \(type)\(isOptional ? " or null" : "").")
    }
}

extension Parameter.Kind: CustomStringConvertible {
    /// What a value must be, to follow "must be".
    public var description: String {
        switch self {
        case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "true or false"
        case .integerPair(let range): "a list of two integers from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let words): "one of " + words.map { "\"\($0)\"" }.joined(separator: ", ")
        case .text: "a text"
        case .number: "a number"
        case .any: "a value"
        }
    }
}
