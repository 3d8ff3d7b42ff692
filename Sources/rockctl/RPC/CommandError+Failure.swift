import GEM

extension CommandError {
    /// What a server or a part of this process has refused, as a command says it.
    init(_ failure: Failure) {
        // Failures are sentences of their own; behind a colon they begin small unless a name comes first.
        self.init(ExitCode(failure.kind), failure.message)
    }
}

extension ExitCode {
    /// How a command ends that could not go on because of a failure of this kind.
    init(_ kind: Failure.Kind) {
        self =
            switch kind {
            case .parseError, .invalidRequest, .methodNotFound, .internalError, .tooLarge: .failure
            case .notReset, .episodeEnded, .sandboxClosed, .envFailed, .infraFailed: .failure
            case .invalidParams, .invalidArgument, .invalidSeed, .invalidAction, .invalidState: .failure
            case .conflict, .commandFailed: .failure
            case .unknownEnvironment, .unknownSandbox, .notFound: .notFound
            case .isolationRefused, .overloaded, .unauthorized, .forbidden: .refused
            case .timeout: .timedOut
            case .shuttingDown: .unreachable
            }
    }
}
