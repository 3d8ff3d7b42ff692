import GEM

extension Schema {
    /// This as JSON Schema 2020-12, which OpenAPI 3.1 and OpenRPC speak.
    ///
    /// - Parameters:
    ///   - summary: What the value means.
    ///   - standard: What holds when it is left out.
    /// - Returns: The schema.
    func published(summary: String = "", default standard: JSON? = nil) -> JSON {
        var object = body
        if isNullable { object = object.nullable }
        if !summary.isEmpty { object["description"] = .string(summary) }
        if let standard { object["default"] = standard }
        return .object(object)
    }

    private var body: JSON.Object {
        switch form {
        case .any: return [:]
        case .text(let length, let isSecret):
            var object: JSON.Object = ["type": "string"]
            if length.lowerBound > 0 { object["minLength"] = .number(.init(length.lowerBound)) }
            if length.upperBound < 1 << 20 { object["maxLength"] = .number(.init(length.upperBound)) }
            if isSecret { object["format"] = "password" }
            return object
        case .octal: return ["type": "string", "pattern": "^[0-7]{1,4}$"]
        case .word(let words): return ["type": "string", "enum": .array(words.map { .string($0) })]
        case .integer(let range):
            return [
                "type": "integer", "minimum": .number(.init(range.lowerBound)),
                "maximum": .number(.init(range.upperBound)),
            ]
        case .number(let range):
            var object: JSON.Object = ["type": "number"]
            object["minimum"] = JSON.Number(range.lowerBound).map { .number($0) }
            object["maximum"] = JSON.Number(range.upperBound).map { .number($0) }
            return object
        case .boolean: return ["type": "boolean"]
        case .list(let item, let count):
            var object: JSON.Object = ["type": "array", "items": item.published()]
            if count.lowerBound > 0 { object["minItems"] = .number(.init(count.lowerBound)) }
            object["maxItems"] = .number(.init(count.upperBound))
            return object
        case .map(let schema): return ["type": "object", "additionalProperties": schema.published()]
        case .object(let fields):
            var properties = JSON.Object()
            for field in fields { properties[field.name] = field.published }
            var object: JSON.Object = ["type": "object", "properties": .object(properties)]
            let required = fields.filter(\.isRequired)
            if !required.isEmpty { object["required"] = .array(required.map { .string($0.name) }) }
            return object
        case .either(let schemas):
            return schemas.isEmpty ? ["type": "null"] : ["anyOf": .array(schemas.map { $0.published() })]
        }
    }
}

extension Field {
    /// The member's schema with its meaning and default.
    var published: JSON { schema.published(summary: summary, default: standard) }
}

extension JSON.Object {
    /// The same schema, which null fits too.
    fileprivate var nullable: JSON.Object {
        var object = self
        switch object["type"] {
        case .string("null"): return object
        case .string(let type)? where object["enum"] == nil:
            object["type"] = [.string(type), "null"]
            return object
        case nil where object["anyOf"] == nil: return object  // anything fits already
        default: return ["anyOf": [.object(self), ["type": "null"]]]
        }
    }
}
