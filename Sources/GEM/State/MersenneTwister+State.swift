extension MersenneTwister {
    /// A stream that has gone round its state fewer times than this is cheaper to draw again (some 20 µs) than to keep.
    static let youngLaps = 16

    /// The same stream without the 2.5 KB of its state, where its next draw can have them again soon.
    public var rolledUp: MersenneTwister {
        guard laps < Self.youngLaps else { return self }
        var stream = self
        stream.state = []
        return stream
    }

    /// Carries the stream: a young one as its seed and how far it is, an old one as its state.
    ///
    /// - Throws: ``Failure`` of kind `invalidState` for bytes that hold neither.
    public mutating func code(_ state: inout StateCoder) throws(Failure) {
        var isOld = laps >= Self.youngLaps
        try state.flag(&isOld)
        if isOld {
            var words = self.state
            if state.isReading { words = Array(repeating: 0, count: Self.size) }
            for index in words.indices { try state.word(&words[index]) }
            try state.integer(&position, in: 0...Self.size - 1)
            // Of the word drawn next only the highest bit counts. Without any bit the stream is nothing but zeros.
            try state.check(words[position] >> 31 != 0 || words.indices.contains { $0 != position && words[$0] != 0 })
            guard state.isReading else { return }
            self.state = words
            laps = Self.youngLaps
        } else {
            var drawn = laps * Self.size + position
            try state.word(&seed)
            try state.integer(&drawn, in: 0...Self.youngLaps * Self.size - 1)
            guard state.isReading else { return }
            (laps, position) = drawn.quotientAndRemainder(dividingBy: Self.size)
            self.state = []
        }
    }
}
