// The one place that knows how a failure travels: its JSON-RPC code and its HTTP status.

extension Failure.Kind {
    /// The `error.code` of a JSON-RPC answer. −32700 to −32600 are the standard's own, −32000 to −32099 are ours.
    public var code: Int {
        switch self {
        case .parseError: -32700
        case .invalidRequest: -32600
        case .methodNotFound: -32601
        case .invalidParams: -32602
        case .internalError: -32603
        case .tooLarge: -32000
        case .unknownEnvironment: -32001
        case .invalidArgument: -32002
        case .unknownSandbox: -32003
        case .sandboxClosed: -32004
        case .notReset: -32005
        case .episodeEnded: -32006
        case .invalidSeed: -32007
        case .invalidAction: -32008
        case .isolationRefused: -32009
        case .envFailed: -32010
        case .infraFailed: -32011
        case .timeout: -32012
        case .overloaded: -32013
        case .shuttingDown: -32014
        case .invalidState: -32015
        case .notFound: -32016
        case .conflict: -32017
        case .unauthorized: -32018
        case .forbidden: -32019
        case .commandFailed: -32020
        }
    }

    /// The kind that a JSON-RPC `error.code` names; `nil` for a code that is not ours.
    public init?(code: Int) {
        guard let kind = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = kind
    }

    /// The status of an HTTP answer whose body is not JSON-RPC.
    public var httpStatus: Int {
        switch self {
        case .parseError, .invalidRequest, .invalidParams: 400
        case .unknownEnvironment, .invalidArgument, .invalidSeed, .invalidAction, .invalidState: 400
        case .commandFailed: 400
        case .unauthorized: 401
        case .forbidden: 403
        case .methodNotFound, .unknownSandbox, .notFound: 404
        case .notReset, .episodeEnded, .conflict: 409
        case .sandboxClosed: 410
        case .tooLarge: 413
        case .overloaded: 429
        case .internalError, .envFailed, .infraFailed: 500
        case .isolationRefused, .shuttingDown: 503
        case .timeout: 504
        }
    }
}
