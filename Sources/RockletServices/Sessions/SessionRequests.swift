import GEM

/// The body of `POST /create_session`.
struct CreateSessionRequest {
    let name: String
    /// Files to source, in order.
    let sources: [String]
    /// Whether the shell starts from this process's environment, or from an empty one.
    let inheritsEnvironment: Bool
    let environment: [(name: String, value: String)]
    let user: String?
    /// Seconds to the first prompt.
    let startupTimeout: Double

    private enum SessionType: String, CaseIterable { case bash }

    /// ROCK's own limit, one second, is too short for a machine that starts a hundred sandboxes at once; who sets it gets it.
    private static let defaultTimeout = 10.0  // seconds
    static let nameLimit = 255  // bytes

    init(_ fields: BodyFields) throws(InvalidBody) {
        var fields = fields
        _ = fields.choice("session_type", default: SessionType.bash)
        name = fields.text("session", default: "default")
        if name.utf8.count > Self.nameLimit { fields.refuse("session", "Input should have at most 255 bytes") }
        sources = fields.texts("startup_source")
        inheritsEnvironment = fields.flag("env_enable", default: false)
        environment = fields.dictionary("env") ?? []
        if let bad = environment.first(where: { !ProcessEnvironment.isValid(name: $0.name, value: $0.value) }) {
            fields.refuse("env", "\(PythonText.quoted(bad.name)) cannot be a variable")
        }
        if sources.contains(where: { $0.utf8.contains(0) }) {
            fields.refuse("startup_source", "Input should be paths without zero bytes")
        }
        user = fields.optionalText("remote_user")
        startupTimeout = fields.number("startup_timeout") ?? Self.defaultTimeout
        _ = fields.integer("max_read_size", default: 2000)
        try fields.check()
    }
}

/// The body of `POST /run_in_session`.
struct RunRequest: Sendable {
    /// What is made of the exit code.
    enum Check: String, CaseIterable {
        /// Anything but 0 is an error.
        case `raise`
        /// It is told.
        case silent
        /// It is not looked at.
        case ignore
    }

    private enum ActionType: String, CaseIterable { case bash }

    let session: String
    let command: String
    /// Seconds; `nil` for as long as it takes.
    let timeout: Double?
    let check: Check
    /// The line is typed as it is, to whatever reads it.
    let isInteractive: Bool
    /// The same, and the shell is waited for.
    let isQuit: Bool
    let expected: [String]
    let errorMessage: String
    let outputLimit: Int

    private static let outputLimits = 2...(64 << 20)
    private static let expectedLimit = 64

    init(_ fields: BodyFields) throws(InvalidBody) {
        var fields = fields
        _ = fields.choice("action_type", default: ActionType.bash)
        session = fields.text("session", default: "default")
        command = fields.text("command")
        timeout = fields.number("timeout")
        if let timeout, timeout < 0 { fields.refuse("timeout", "Input should not be negative") }
        check = fields.choice("check", default: .raise)
        isQuit = fields.flag("is_interactive_quit", default: false)
        isInteractive = fields.flag("is_interactive_command", default: false)
        if isQuit, isInteractive {
            fields.refuse("is_interactive_quit", "Input should not be true beside is_interactive_command")
        }
        expected = fields.texts("expect")
        if expected.count > Self.expectedLimit { fields.refuse("expect", "Input should have at most 64 items") }
        errorMessage = fields.text("error_msg", default: "")
        outputLimit = fields.integer("output_limit_bytes", default: CappedOutput.defaultLimit)
        if !Self.outputLimits.contains(outputLimit) {
            fields.refuse("output_limit_bytes", "Input should be from 2 to \(Self.outputLimits.upperBound)")
        }
        try fields.check()
    }

    /// Whether the line is typed as it is.
    var isTyped: Bool { isInteractive || isQuit }
}

/// What a run answers.
struct SessionObservation: Sendable {
    /// What stands for the shell's prompt as the text that ended a run, as in ROCK's server.
    static let prompt = "SHELLPS1PREFIX"

    var output: [UInt8]
    var exitCode: Int32?
    /// The expression that matched; ``prompt`` where the shell is back.
    var expected = prompt
    /// How many bytes the output lacks.
    var omitted = 0

    func write(to json: inout JSONWriter) {
        json.name("session_type")
        json.string("bash")
        json.name("output")
        json.string(output.span)
        json.name("exit_code")
        if let exitCode { json.integer(exitCode) } else { json.null() }
        json.name("failure_reason")
        json.string("")
        json.name("expect_string")
        json.string(expected)
        if omitted > 0 {
            json.name("omitted_bytes")
            json.integer(omitted)
        }
    }
}
