import GEM

/// The params of a reset after which every stream it begins can be begun again.
///
/// A stream that goes back to entropy is given a seed, drawn here: for whoever plays it is as good as the entropy, and it can be
/// written down. Streams that go on are left alone.
package struct SeededReset: Sendable {
    package let params: [UInt8]
    /// The environments that begin with a seed.
    package let seeded: [Int]
    /// Whether all environments of the sandbox do.
    package let seedsAll: Bool

    /// - Parameters:
    ///   - params: As the client sent them; what cannot be understood is left for the sandbox to refuse.
    ///   - count: How many environments there are; `nil` for a single one.
    ///   - unseeded: The environments whose streams go back to entropy.
    package init(_ params: [UInt8], count: Int?, unseeded: Set<Int>) {
        var (new, seeded, seedsAll) = (params, [Int](), false)
        if var json = try? JSON(parsing: params.span).object,
            let indices = RecordedText.indices(.object(json), count: count),
            var seeds = RecordedText.seeds(.object(json), for: indices)
        {
            var isDrawn = false
            for (place, index) in indices.enumerated() where seeds[place] == nil && unseeded.contains(index) {
                seeds[place] = .random(in: 0...Seed.max)
                isDrawn = true
            }
            if isDrawn {
                let values = seeds.map { $0.map { JSON.number(JSON.Number(Int($0))) } ?? .null }
                json["seed"] = count == nil ? values.first : .array(values)
                new = JSON.object(json).serialized
            }
            seeded = zip(indices, seeds).compactMap { $1 == nil ? nil : $0 }
            seedsAll = Set(seeded).count == count ?? 1
        }
        (self.params, self.seeded, self.seedsAll) = (new, seeded, seedsAll)
    }
}
