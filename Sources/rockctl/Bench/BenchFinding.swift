import GEM

/// A figure beside what it is compared with, and what it should reach.
struct BenchFinding: Sendable {
    let name: String
    let value: Double
    let unit: String
    /// What the same run measured beside it; `nil` where the reach is a figure by itself.
    var peer: (name: String, value: Double)?
    /// What ``measure`` must not pass, or not stay below.
    let reach: Reach

    enum Reach: Sendable {
        case most(Double), least(Double)
    }

    /// The ratio to the peer, or the figure itself without one.
    private var measure: Double { peer.map { value / $0.value } ?? value }

    /// Whether the reach is reached.
    var holds: Bool {
        switch reach {
        case .most(let limit): measure <= limit
        case .least(let limit): measure >= limit
        }
    }

    private var limit: (sign: String, value: Double) {
        switch reach {
        case .most(let limit): ("≤", limit)
        case .least(let limit): ("≥", limit)
        }
    }

    var json: JSON {
        var object: JSON.Object = [
            "name": .string(name), "value": double(value), "unit": .string(unit), "reach": double(limit.value),
            "reach_is": .string(limit.sign == "≤" ? "most" : "least"), "holds": .bool(holds),
        ]
        if let peer {
            object["peer"] = .string(peer.name)
            object["peer_value"] = double(peer.value)
            object["ratio"] = double(value / peer.value)
        }
        return .object(object)
    }

    static let head = ["", "MEASURED", "PEER", "RATIO", "REACH", ""]

    /// A line for people, under ``head``.
    var columns: [String] {
        let short = { (value: Double) in number((value * 100).rounded() / 100) }
        return [
            name, "\(short(value)) \(unit)", peer.map { "\($0.name) \(short($0.value)) \(unit)" } ?? "",
            peer.map { "\(short(value / $0.value)) ×" } ?? "",
            "\(limit.sign) \(short(limit.value)) \(peer == nil ? unit : "×")", holds ? "" : "missed",
        ]
    }
}
