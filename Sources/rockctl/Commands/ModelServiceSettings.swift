import Admin
import GEM
import Glibc
import ModelService

/// The options that say what a model service is like.
enum ModelServiceSettings {
    static let type = Option(
        "type", .choice(ModelServiceConfiguration.Kind.allCases.map(\.rawValue)),
        default: ModelServiceConfiguration.Kind.local.rawValue,
        summary: "Who answers: a training loop, or model servers")
    static let file = Option("config-file", .file, summary: "Read settings from this YAML file")
    static let host = Option("host", .text("ADDRESS"), summary: "The address to listen on; 0.0.0.0 by default")
    static let port = Option(
        "port", .integer(0...65535, name: "PORT"), summary: "The port to listen on, 0 for a free one; 8080 by default")
    static let baseURL = Option(
        "proxy-base-url", .text("URL"),
        summary: "Where the model server's interface begins, such as https://api.openai.com/v1; comes before all rules")
    static let codes = Option(
        "retryable-status-codes", .text("CODE,…"), summary: "Answers to try again after; 429,500 by default")
    static let timeout = Option(
        "request-timeout", .integer(1...86_400, name: "SECONDS"),
        summary: "How long a model server may take, or be silent in a streamed answer; 120 by default")
    static let keyFile = Option(
        "api-key-file", .file, variable: "ROCK_MODEL_SERVICE_API_KEY_FILE",
        summary: "A file with the key that is sent to model servers in place of the agent's")
    static let record = Option("record", .file, summary: "Append every exchange to this file, to be played back")
    static let recordingFile = Option("recording-file", .file, summary: "The same as --record")
    static let replay = Option("replay", .file, summary: "Answer with what was recorded in this file; ask nobody")
    static let replayFile = Option("replay-file", .file, summary: "The same as --replay")
    static let dataDirectory = Option(
        "data-dir", .directory, default: "/data/logs", variable: "ROCK_MODEL_SERVICE_DATA_DIR",
        summary: "Where LLMService.log and LLMTraj.jsonl are kept")
    static let appends = Option(
        "traj-append-mode", .truth, default: false, variable: "ROCK_MODEL_SERVICE_TRAJ_APPEND_MODE",
        summary: "Whether LLMTraj.jsonl keeps all exchanges, or only the last")
    static let resume = Option.flag(
        "resume", summary: "Go on with an unfinished conversation, in place of a new LLMService.log")

    /// The settings of `call`: what the command line says, else the file, else the defaults. Paths are whole.
    ///
    /// - Throws: ``CommandError``; ``Failure`` for what cannot be.
    static func read(_ call: Invocation) throws -> ModelServiceConfiguration {
        var settings = ModelServiceConfiguration()
        if let path = call[file] { try settings.apply(yaml: ServerSettings.contents(of: path), name: path) }
        settings.type = ModelServiceConfiguration.Kind(rawValue: call[type]) ?? .local
        settings.host = call[host] ?? settings.host
        settings.port = call[port] ?? settings.port
        settings.proxyBaseURL = call[baseURL] ?? settings.proxyBaseURL
        if let text = call[codes] { settings.retryableStatusCodes = try statusCodes(text, at: call.path) }
        if let seconds = call[timeout] { settings.requestTimeout = .seconds(seconds) }
        if let path = call[keyFile] { settings.apiKey = try key(in: path) }
        settings.recordingFile = try (call[record] ?? call[recordingFile] ?? settings.recordingFile)
            .map(ServerSettings.absolute)
        settings.replayFile = try (call[replay] ?? call[replayFile] ?? settings.replayFile).map(ServerSettings.absolute)
        settings.dataFolder = try ServerSettings.absolute(call[dataDirectory])
        settings.trajectory.path = settings.dataFolder + "/" + ModelServiceConfiguration.trajectoryFile
        settings.trajectory.appends = call[appends]
        settings.resumes = call[resume]
        try settings.check()
        return settings
    }

    /// The conversation's file in the data directory of `call`.
    static func conversation(_ call: Invocation) throws -> String {
        try ServerSettings.absolute(call[dataDirectory]) + "/" + ModelServiceConfiguration.conversationFile
    }

    private static func statusCodes(_ text: String, at path: [String]) throws(UsageError) -> [Int] {
        let numbers = text.split(separator: ",").map { Int($0.filter { $0 != " " }) }
        guard !numbers.isEmpty, !numbers.contains(nil) else {
            throw UsageError(at: path, "--retryable-status-codes: '\(text)' is no list of numbers such as 429,500")
        }
        return numbers.compactMap { $0 }
    }

    private static func key(in path: String) throws -> String {
        let bytes = try ServerSettings.contents(of: path)
        let isBlank = { (byte: UInt8) in byte <= 0x20 }
        let start = bytes.drop(while: isBlank)
        let end = start.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start.startIndex
        guard start.startIndex < end else { throw CommandError(.failure, "there is no key in \(path)") }
        return String(decoding: start[..<end], as: UTF8.self)
    }
}

extension ValueKind where Value == Bool {
    /// `true` in any case; everything else is false.
    static let truth = Self(name: "true|false", completion: .words(["true", "false"])) { text throws(ValueError) in
        text.lowercased() == "true"
    } show: {
        $0 ? "true" : "false"
    }
}
