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
}
