/// What a model service can be told.
package struct ModelServiceConfiguration: Sendable {
    /// Whom it asks.
    package enum Kind: String, CaseIterable, Sendable {
        /// A training loop, through a file.
        case local
        /// Model servers, over HTTP.
        case proxy
    }

    package var type = Kind.local
    package var host = "0.0.0.0"
    package var port = 8080
    /// Where the model servers' interface begins, such as `https://api.openai.com/v1`; comes before ``proxyRules``.
    package var proxyBaseURL: String?
    /// The same by the model's name; `default` stands for every other name.
    package var proxyRules = [
        "gpt-3.5-turbo": "https://api.openai.com/v1", "default": "https://api-inference.modelscope.cn/v1",
    ]
    /// The answers after which a request is sent again.
    package var retryableStatusCodes = [429, 500]
    /// How long a model server may take for an answer, or be silent within a streamed one.
    package var requestTimeout: Duration = .seconds(120)
    /// How often a request is sent at most.
    package var maximumAttempts = 6
    /// The pause before the second attempt is drawn from zero to twice this; it doubles with each attempt.
    package var retryDelay: Duration = .seconds(2)
    /// The longest `Retry-After` that is waited for; a longer one goes to the client.
    package var longestRetryAfter: Duration = .seconds(60)
    /// Added to every request on its way out, in place of what the client sends; `nil` passes on the client's own.
    package var apiKey: String?
    /// Where the conversation and the trajectory are kept.
    package var dataFolder = "/data/logs"
    /// Whether a conversation that a service before this one has left unfinished goes on.
    package var resumes = false
    /// How large the conversation's file may become; then requests are refused.
    package var conversationBytes = Int.max
    /// How many connections there may be at a time, and the longest request in bytes.
    package var maximumConnections = 1024
    package var requestBytes = 64 << 20
    /// The process that a number means where agents live, as this process knows it; `nil` where there is none.
    package var findProcess: @Sendable (Int32) async -> Int32? = { $0 }
    package var trajectory = TrajectoryConfiguration(path: "/data/logs/LLMTraj.jsonl")
    /// Where exchanges are written so that they can be played back.
    package var recordingFile: String?
    /// Whose exchanges are played back, in place of asking anybody.
    package var replayFile: String?

    package init() {}

    /// The file in ``dataFolder`` that the service and the training loop append to.
    package static let conversationFile = "LLMService.log"
    /// The trajectory's file in ``dataFolder``.
    package static let trajectoryFile = "LLMTraj.jsonl"
}

/// Where a trajectory is written, and how much of it is kept.
package struct TrajectoryConfiguration: Sendable {
    package var path: String
    /// Whether an exchange is appended; else it takes the place of the one before.
    package var appends = false
    /// The size in bytes at which a file is put aside for a new one.
    package var maximumBytes = 256 << 20
    /// How many files that were put aside are kept, as `.1` (the newest) and so on.
    package var keptFiles = 4

    package init(path: String) { self.path = path }
}
