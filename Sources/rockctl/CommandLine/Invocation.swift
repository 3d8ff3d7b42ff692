/// One call of a command: the values it was given, checked, and where it writes.
struct Invocation: Sendable {
    /// The words that led to the command, from `rockctl` on.
    let path: [String]
    let values: ArgumentValues
    let console: Console

    /// The value of `option`, or its default.
    subscript<Value>(option: Option<Value>) -> Value {
        guard let value = values.options[option.declaration.name] else { return option.fallback }
        // The reader stored what the option's own kind returned. An optional option's kind returns the wrapped
        // value, which `as?` wraps again.
        return value as? Value ?? option.fallback
    }

    /// The values of `option` in the order of the command line, possibly none.
    subscript<Value>(option: ListOption<Value>) -> [Value] {
        (values.lists[option.declaration.name] ?? []).compactMap { $0 as? Value }
    }

    /// The value of `positional`.
    subscript<Value>(positional: Positional<Value>) -> Value {
        guard let value = values.positionals[positional.declaration.name]?.first as? Value else {
            preconditionFailure("\(positional.declaration.name) is not declared by the command that reads it")
        }
        return value
    }

    /// The values of the words at the end, possibly none.
    subscript<Value>(rest: Rest<Value>) -> [Value] {
        (values.positionals[rest.declaration.name] ?? []).compactMap { $0 as? Value }
    }

    /// Whether the user said anything about `option`, on the command line or through its variable.
    func names(_ option: some CommandOption) -> Bool { values.options[option.declaration.name] != nil }
}

/// The values of a command line by the names of what they belong to.
struct ArgumentValues: Sendable {
    var options: [String: any Sendable] = [:]
    /// Those of options that may be repeated.
    var lists: [String: [any Sendable]] = [:]
    var positionals: [String: [any Sendable]] = [:]
}
