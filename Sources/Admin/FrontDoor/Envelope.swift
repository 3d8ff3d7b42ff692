import GEM

/// ROCK's envelope: `{"status", "message", "error", "result"}`.
enum Envelope {
    /// Around the JSON of a result.
    static func success(_ result: [UInt8], message: String? = nil) -> [UInt8] {
        json(expecting: result.count + 128) { writer in
            writer.beginObject()
            writer.name("status")
            writer.string("Success")
            writer.name("message")
            if let message { writer.string(message) } else { writer.null() }
            writer.name("error")
            writer.null()
            writer.name("result")
            writer.raw(result.span)
            writer.endObject()
        }
    }

    /// Says what failed in ROCK's fixed words, and why in ours.
    static func failure(_ failure: Failure, message: String) -> [UInt8] {
        json { writer in
            writer.beginObject()
            writer.name("status")
            writer.string("Failed")
            writer.name("message")
            writer.string(message)
            writer.name("error")
            writer.string(failure.message)
            writer.name("result")
            writer.beginObject()
            writer.name("code")
            writer.integer(failure.kind.rockCode)
            writer.name("exit_code")
            writer.null()
            writer.name("failure_reason")
            writer.string(failure.message)
            writer.endObject()
            writer.endObject()
        }
    }
}

extension Failure.Kind {
    /// Which of ROCK's result codes says this: 4000 the caller's mistake, 6000 a command's, 5000 ours.
    var rockCode: Int {
        switch self {
        case .parseError, .invalidRequest, .methodNotFound, .invalidParams, .tooLarge, .unknownEnvironment,
            .invalidArgument, .unknownSandbox, .sandboxClosed, .notReset, .episodeEnded, .invalidSeed, .invalidAction,
            .invalidState, .isolationRefused, .notFound, .conflict, .unauthorized, .forbidden:
            4000
        case .commandFailed: 6000
        case .internalError, .envFailed, .infraFailed, .timeout, .overloaded, .shuttingDown: 5000
        }
    }
}
