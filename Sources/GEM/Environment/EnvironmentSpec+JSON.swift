extension EnvironmentSpec {
    /// The spec as `list` and `make` show it.
    public func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("id")
        writer.string(id.description)
        writer.name("namespace")
        writer.string(id.namespace)
        writer.name("name")
        writer.string(id.name)
        writer.name("version")
        writer.integer(id.version)
        writer.name("variant")
        if let variant = id.variant { writer.string(variant) } else { writer.null() }
        writer.name("summary")
        writer.string(summary)
        writer.name("action_grammar")
        writer.string(actionGrammar)
        writer.name("reward_range")
        writer.beginArray()
        writer.double(rewardRange.lowerBound)
        writer.double(rewardRange.upperBound)
        writer.endArray()
        writer.name("max_turns")
        if let maxTurns { writer.integer(maxTurns) } else { writer.null() }
        writer.name("uses_seed")
        writer.bool(usesSeed)
        writer.name("kwargs")
        writer.beginArray()
        for parameter in parameters { parameter.write(to: &writer) }
        writer.endArray()
        writer.endObject()
    }
}

extension Parameter {
    /// Writes `{"name", "type", "nullable", "minimum", "maximum", "choices", "default", "description"}`; the bounds only for
    /// integers and pairs, the choices only for words.
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("name")
        writer.string(name)
        writer.name("type")
        switch type {
        case .boolean: writer.string("boolean")
        case .integer(let range): write("integer", range, to: &writer)
        case .integerPair(let range): write("integer_pair", range, to: &writer)
        case .choice(let words):
            writer.string("choice")
            writer.name("choices")
            writer.value(.array(words.map { .string($0) }))
        case .text: writer.string("text")
        case .number: writer.string("number")
        case .any: writer.string("any")
        }
        writer.name("nullable")
        writer.bool(isOptional)
        writer.name("default")
        writer.value(defaultValue.json)
        writer.name("description")
        writer.string(summary)
        writer.endObject()
    }

    private func write(_ type: String, _ range: ClosedRange<Int>, to writer: inout JSONWriter) {
        writer.string(type)
        writer.name("minimum")
        writer.integer(range.lowerBound)
        writer.name("maximum")
        writer.integer(range.upperBound)
    }
}

extension Parameter.Value {
    /// The value as JSON writes it.
    public var json: JSON {
        switch self {
        case .null: .null
        case .integer(let value): .number(JSON.Number(value))
        case .boolean(let value): .bool(value)
        case .integerPair(let first, let second): [.number(JSON.Number(first)), .number(JSON.Number(second))]
        case .choice(let word): .string(word)
        case .free(let json): json
        }
    }
}
