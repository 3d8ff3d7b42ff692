import GEM

/// How the episodes of a program are saved: what the program itself saved, one text for each environment, and the counters.
extension ProgramEpisodes {
    /// The longest text that a program may save for one environment, in bytes.
    private static let textLimit = 16 << 20

    /// The environments that have something to save.
    var saves: [ProgramOrder] {
        instances.indices.filter { instances[$0].state != .notReset }.map { .save(index: $0) }
    }

    /// `{"state": …}`, which ``restoring(_:)`` reads.
    ///
    /// - Parameter texts: What the program saved, for each of ``saves``.
    /// - Returns: The JSON of the result.
    /// - Throws: ``Failure`` of kind `internalError` for what cannot be carried.
    func saved(_ texts: [String]) throws(Failure) -> [UInt8] {
        var texts = texts[...]
        var fields = StateCoder()
        var copy = self
        try copy.code(&fields) { () throws(Failure) in texts.popFirst() ?? "" }
        var json = JSONWriter()
        json.beginObject()
        json.name("state")
        json.string(SavedState.seal(fields).span)
        json.endObject()
        return json.bytes
    }

    /// The episodes that a state holds, and what the program has to be told for them.
    ///
    /// - Throws: ``Failure`` of kind `invalidState` for what was not saved by an environment made alike.
    func restoring(_ params: ServiceParams) throws(Failure) -> (episodes: ProgramEpisodes, orders: [ProgramOrder]) {
        guard let text = try params.string("state") else {
            throw Failure(.invalidParams, "restore needs state, the text that save answered.")
        }
        var fields = try SavedState.open(text)
        var episodes = self
        let texts = try episodes.code(&fields) { "" }
        try fields.finish()
        let orders = texts.compactMap { index, text -> ProgramOrder? in
            episodes.instances[index].state == .notReset ? nil : .restore(index: index, state: text)
        }
        return (episodes, orders)
    }

    /// Carries everything; `next` gives the text of the next environment that has one while writing.
    @discardableResult
    private mutating func code(
        _ fields: inout StateCoder, next: () throws(Failure) -> String
    ) throws(Failure) -> [(index: Int, text: String)] {
        let here = [
            "external", id.description, String(decoding: kwargs.serialized, as: UTF8.self),
            count.map(String.init) ?? "null", autoreset.rawValue,
        ]
        for making in here {
            var saved = making
            try fields.text(&saved, limit: 1 << 16)
            guard saved == making else {
                throw Failure(
                    .invalidState,
                    "The state was saved with \"\(saved.prefix(64))\", and this sandbox was made with \"\(making.prefix(64))\". Restore it in a sandbox made alike."
                )
            }
        }
        var texts: [(index: Int, text: String)] = []
        for index in instances.indices {
            try fields.choice(&instances[index].state)
            try fields.integer(&instances[index].episodes, in: 0...1 << 53)
            try fields.integer(&instances[index].steps, in: 0...1 << 53)
            try fields.integer(&instances[index].turn, in: 0...1 << 53)
            try fields.number(&instances[index].cumulativeReward)
            guard instances[index].state != .notReset else { continue }
            var observation = String(decoding: instances[index].observation, as: UTF8.self)
            try fields.text(&observation, limit: Self.textLimit)
            guard case .string? = try? JSON(parsing: observation) else { throw .damagedState }
            instances[index].observation = Array(observation.utf8)
            var text = fields.isReading ? "" : try next()
            try fields.text(&text, limit: Self.textLimit)
            texts.append((index, text))
        }
        return texts
    }
}
