package import GEM

extension YAML {
    /// The node as JSON has it. Plain scalars that spell a truth value, null or a number in JSON's way are that; all else is
    /// text.
    package var json: JSON {
        switch content {
        case .sequence(let items): return .array(items.map(\.json))
        case .mapping(let pairs):
            // A key stands once in a mapping that was read.
            return .object(JSON.Object(checked: pairs.map { ($0.key, $0.value.json) }))
        case .scalar(let text, isPlain: false): return .string(text)
        case .scalar(let text, isPlain: true):
            switch text {
            case "", "~", "null": return .null
            case "true": return true
            case "false": return false
            default:
                if let json = try? JSON(parsing: text), case .number = json { return json }
                return .string(text)
            }
        }
    }
}
