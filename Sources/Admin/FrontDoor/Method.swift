import Registry

/// What can be called over JSON-RPC.
enum Method: String, CaseIterable, Sendable {
    case make, reset, step, close, list, render, status, save, restore, fork
    case sampleAction = "sample_action"

    /// The names of the params that may be given by position, in that order.
    var parameters: [StaticString] {
        switch self {
        case .make: ["env_id", "kwargs", "num_envs", "request_id"]
        case .reset: ["sandbox_id", "seed"]
        case .step: ["sandbox_id", "action"]
        case .close, .status, .sampleAction, .save: ["sandbox_id"]
        case .restore: ["sandbox_id", "state", "request_id"]
        case .fork: ["sandbox_id", "count", "request_id"]
        case .render: ["sandbox_id", "mode"]
        case .list: []
        }
    }

    /// What a caller's key must allow.
    var scope: APIScope {
        switch self {
        case .list, .status, .render: .read
        case .make, .reset, .step, .close, .save, .restore, .fork, .sampleAction: .user
        }
    }

    /// Its place among all methods.
    var place: Int {
        switch self {
        case .make: 0
        case .reset: 1
        case .step: 2
        case .close: 3
        case .list: 4
        case .render: 5
        case .status: 6
        case .save: 7
        case .restore: 8
        case .fork: 9
        case .sampleAction: 10
        }
    }
}
