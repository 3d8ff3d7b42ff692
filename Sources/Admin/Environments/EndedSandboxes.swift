import SandboxHost

/// Why an environment was closed.
enum EndReason: Sendable {
    case client, idle, connectionClosed, forkFailed, unreadable

    /// For the error that a later call gets.
    var sentence: String {
        switch self {
        case .client: "a client closed it."
        case .idle: "nobody used it for its idle timeout."
        case .forkFailed: "the fork that made it failed."
        case .unreadable: "what an earlier server wrote down about it cannot be read."
        case .connectionClosed: "the connection that held its lease closed."
        }
    }
}

/// Remembers the sandboxes that ended last, so that a late call learns why instead of "unknown".
struct EndedSandboxes {
    /// About 100 bytes each; enough for a client that looks after minutes of churn.
    private static let capacity = 4096

    private var reasons: [SandboxID: EndReason] = [:]
    private var ring: [SandboxID] = []
    private var next = 0

    mutating func add(_ id: SandboxID, reason: EndReason) {
        if ring.count < Self.capacity {
            ring.append(id)
        } else {
            reasons[ring[next]] = nil
            ring[next] = id
            next = (next + 1) % Self.capacity
        }
        reasons[id] = reason
    }

    subscript(id: SandboxID) -> EndReason? { reasons[id] }
}
