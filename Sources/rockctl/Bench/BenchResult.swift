import GEM

/// One line of the table.
struct BenchResult: Sendable {
    /// What was measured, as `--only` names it.
    let name: String
    let times: Distribution
    /// What else is worth knowing, such as the number of connections.
    var facts: [(name: String, value: Double)] = []

    var json: JSON {
        var object: JSON.Object = [
            "name": .string(name), "count": .number(JSON.Number(times.count)), "seconds": double(times.seconds),
            "per_second": double(times.perSecond), "p50_us": double(times.microseconds(at: 0.5)),
            "p90_us": double(times.microseconds(at: 0.9)), "p99_us": double(times.microseconds(at: 0.99)),
            "max_us": double(times.microseconds(at: 1)),
        ]
        for fact in facts { object[fact.name] = double(fact.value) }
        return .object(object)
    }

    /// The columns for people, after the name.
    var columns: [String] {
        [0.5, 0.99].map { number((times.microseconds(at: $0) * 10).rounded() / 10) }
            + [
                number(times.perSecond.rounded()),
                facts.map { "\($0.name) \(number($0.value.rounded()))" }.joined(separator: ", "),
            ]
    }
}
