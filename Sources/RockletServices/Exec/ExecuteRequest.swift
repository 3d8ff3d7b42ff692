import GEM

/// The body of `POST /execute`.
struct ExecuteRequest {
    /// How the output travels in JSON.
    enum Encoding: String, CaseIterable {
        /// UTF-8; a byte that is none becomes `\xNN`.
        case text
        /// Every byte as it was.
        case base64
    }

    /// As the caller wrote it: for messages.
    let shown: String
    let arguments: [String]
    /// Seconds; `nil` for as long as it takes.
    let timeout: Double?
    /// Replaces the whole environment.
    let environment: [(name: String, value: String)]?
    let directory: String?
    let user: String?
    let input: [UInt8]
    let checksExitCode: Bool
    let errorMessage: String
    let encoding: Encoding
    let outputLimit: Int

    private static let defaultTimeout = 1200.0  // seconds
    /// What a caller may have kept of each stream.
    private static let outputLimits = 2...(64 << 20)  // bytes

    init(_ fields: BodyFields) throws(InvalidBody) {
        var fields = fields
        let isShell = fields.flag("shell", default: false)
        switch fields["command"] {
        case .string(let text):
            arguments = isShell ? Program.shell(text) : [text]
            shown = PythonText.quoted(text)
        case .array?:
            let words = fields.texts("command")
            // A shell takes the first word as its script and the others as the script's arguments.
            arguments = isShell ? ["/bin/sh", "-c"] + words : words
            shown = "[" + words.map(PythonText.quoted).joined(separator: ", ") + "]"
        default:
            let text = fields.text("command")
            arguments = [text]
            shown = text
        }
        let limit = fields.number("timeout")
        timeout = limit ?? (fields.isNull("timeout") ? nil : Self.defaultTimeout)
        if let limit, limit < 0 { fields.refuse("timeout", "Input should not be negative") }
        environment = fields.dictionary("env")
        if let environment,
            let bad = environment.first(where: { !ProcessEnvironment.isValid(name: $0.name, value: $0.value) })
        {
            fields.refuse("env", "\(PythonText.quoted(bad.name)) cannot be a variable")
        }
        directory = fields.optionalText("cwd")
        user = fields.optionalText("user")
        input = Array(fields.text("stdin", default: "").utf8)
        checksExitCode = fields.flag("check", default: false)
        errorMessage = fields.text("error_msg", default: "")
        encoding = fields.choice("encoding", default: .text)
        outputLimit = fields.integer("output_limit_bytes", default: CappedOutput.defaultLimit)
        if !Self.outputLimits.contains(outputLimit) {
            fields.refuse("output_limit_bytes", "Input should be from 2 to \(Self.outputLimits.upperBound)")
        }
        try fields.check()
    }

    /// The program it names.
    ///
    /// - Throws: ``RockletException`` where there is no such user.
    func program(_ own: ProcessEnvironment) throws(RockletException) -> Program {
        let account: UserAccount? = if let user { try UserAccount.find(user) } else { nil }
        let base = environment.map { ProcessEnvironment($0) } ?? own.adding(account?.variables ?? [])
        return Program(arguments: arguments, environment: base, directory: directory, account: account)
    }
}
