import GEM
import Glibc

/// A figure beside what it is compared with, and what it should reach.
struct BenchFinding: Sendable {
    let name: String
    let value: Double
    let unit: String
    /// What the same run measured beside it; `nil` where the reach is a figure by itself.
    var peer: (name: String, value: Double)?
    let reach: Reach
    /// What else is worth knowing.
    var facts: [(name: String, value: Double, unit: String)] = []

    /// What the figure must not pass, or not stay below. What compares needs a peer.
    enum Reach: Sendable {
        /// The figure itself, in its unit.
        case most(Double), least(Double)
        /// The figure divided by the peer's.
        case ratioMost(Double), ratioLeast(Double)
        /// The peer's figure and so much on top.
        case above(Double)
    }

    /// What the reach is about, and whether it is a ratio.
    private var measure: Double {
        switch reach {
        case .most, .least, .above: value
        case .ratioMost, .ratioLeast: ratio ?? .nan
        }
    }

    private var ratio: Double? { peer.map { value / $0.value } }

    /// The limit of ``measure``, whether it is a lowest one, and its unit.
    private var limit: (value: Double, isLeast: Bool, unit: String) {
        switch reach {
        case .most(let limit): (limit, false, unit)
        case .least(let limit): (limit, true, unit)
        case .ratioMost(let limit): (limit, false, "×")
        case .ratioLeast(let limit): (limit, true, "×")
        case .above(let margin): ((peer?.value ?? .nan) + margin, false, unit)
        }
    }

    /// Whether the reach is reached.
    var holds: Bool { limit.isLeast ? measure >= limit.value : measure <= limit.value }

    var json: JSON {
        var object: JSON.Object = [
            "name": .string(name), "value": double(value), "unit": .string(unit), "reach": double(limit.value),
            "reach_unit": .string(limit.unit), "reach_is": .string(limit.isLeast ? "least" : "most"),
            "holds": .bool(holds),
        ]
        if let peer, let ratio {
            object["peer"] = .string(peer.name)
            object["peer_value"] = double(peer.value)
            object["ratio"] = double(ratio)
        }
        for fact in facts { object["\(fact.name) [\(fact.unit)]"] = double(fact.value) }
        return .object(object)
    }

    static let head = ["", "MEASURED", "BESIDE IT", "RATIO", "REACH", "", ""]

    /// A line for people, under ``head``.
    var columns: [String] {
        let short = { (value: Double) in number((value * 100).rounded() / 100) }
        return [
            name, "\(short(value)) \(unit)", peer.map { "\($0.name) \(short($0.value)) \(unit)" } ?? "",
            ratio.map { "\(short($0)) ×" } ?? "",
            "\(limit.isLeast ? "≥" : "≤") \(short(limit.value)) \(limit.unit)", holds ? "ok" : "missed",
            facts.map { "\($0.name) \(short($0.value)) \($0.unit)" }.joined(separator: ", "),
        ]
    }
}

extension BenchFinding {
    /// Writes a table, or one JSON object.
    static func write(_ findings: [BenchFinding], asJSON isJSON: Bool, to console: Console) throws {
        guard isJSON else {
            return try console.write(Table(head, findings.map(\.columns), right: [1]).text(style: console.style))
        }
        let object: JSON = [
            "version": .string(Rock.version),
            "processors": .number(JSON.Number(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
            "results": .array(findings.map(\.json)),
        ]
        try console.write(bytes: object.serialized + [0x0A])
    }
}
