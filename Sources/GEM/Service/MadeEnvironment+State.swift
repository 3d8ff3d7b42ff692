extension MadeEnvironment {
    /// Answers `{"state": …}`: everything that decides how the environments go on.
    mutating func save(_ answer: inout AnswerWriter) throws(Failure) {
        var fields = StateCoder()
        try code(&fields)
        let text = SavedState.seal(fields)
        answer.json.beginObject()
        answer.json.name("state")
        answer.json.string(text.span)
        answer.json.endObject()
    }

    /// Goes on where the state in `params` was saved, and answers the counters of its episodes.
    ///
    /// - Throws: ``Failure`` of kind `invalidState`; nothing has changed then.
    mutating func restore(_ params: ServiceParams, _ answer: inout AnswerWriter) throws(Failure) {
        guard let text = try params.string("state") else {
            throw Failure(.invalidParams, "restore needs state, the text that save answered.")
        }
        var fields = try SavedState.open(text)
        try code(&fields)
        writeStatus(to: &answer.json)
    }

    private mutating func code(_ fields: inout StateCoder) throws(Failure) {
        try codeMaking(&fields)
        var carried = vector
        try carried.code(&fields)
        try fields.finish()
        if fields.isReading { vector = carried }
    }

    /// How the environments were made; what is read must say the same as `make` did.
    private func codeMaking(_ fields: inout StateCoder) throws(Failure) {
        let here = making
        var saved = here
        for index in saved.indices { try fields.text(&saved[index].value, limit: 1 << 16) }
        for (here, saved) in zip(here, saved) where here.value != saved.value {
            throw Failure(
                .invalidState,
                "The state was saved with \(saved.name) \(quoted(saved.value)), and this sandbox was made with "
                    + "\(quoted(here.value)). Restore it in a sandbox made alike.")
        }
    }

    private var making: [(name: String, value: String)] {
        [
            ("env_id", spec.id.description),
            ("kwargs", String(decoding: arguments.fingerprint.serialized, as: UTF8.self)),
            ("num_envs", count.map(String.init) ?? "null"), ("autoreset", vector.autoreset.rawValue),
        ]
    }
}

extension Arguments {
    /// The arguments as an object, in the order of their names.
    package var json: JSON { .object(JSON.Object(checked: sorted.map { ($0.name, $0.value.json) })) }
}

extension Arguments {
    /// What tells these arguments from others: as ``json``, with length and checksum in the place of a long text.
    fileprivate var fingerprint: JSON {
        .object(
            JSON.Object(
                checked: sorted.map { name, value in
                    guard case .free(.string(let text)) = value, text.utf8.count > 256 else {
                        return (name, value.json)
                    }
                    return (name, .string("\(text.utf8.count) bytes, \(SavedState.checksum(text.utf8))"))
                }))
    }
}
