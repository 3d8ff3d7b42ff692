import GEM
import SandboxHost

/// What a program did instead of answering. Each ends its sandbox; the next reset begins with a new one.
enum ProgramFault: Error, Sendable, Equatable {
    /// It has ended.
    case exited
    /// It ended in the middle of a line.
    case partialLine(bytes: Int)
    case lineTooLong(limit: Int)
    /// A line that is not JSON.
    case garbage(String)
    /// JSON, but no answer: not an object with an id and either a result or an error.
    case noAnswer(String)
    /// An answer to something that was not asked, or asked and answered already.
    case wrongID(String)
    /// An answer whose member is missing or of another type.
    case wrongType(String)
    case timedOut(Duration)
    /// The socket to it broke.
    case broken(String)

    /// Its name, which error messages carry.
    var name: String {
        switch self {
        case .exited: "exited"
        case .partialLine: "partial_line"
        case .lineTooLong: "line_too_long"
        case .garbage: "garbage"
        case .noAnswer: "no_answer"
        case .wrongID: "wrong_id"
        case .wrongType: "wrong_type"
        case .timedOut: "timed_out"
        case .broken: "broken"
        }
    }

    /// How long the program may take to end by itself before it is ended, so that its own exit status is seen.
    var grace: Duration {
        switch self {
        case .exited, .partialLine, .broken: .milliseconds(500)
        case .lineTooLong, .garbage, .noAnswer, .wrongID, .wrongType, .timedOut: .zero
        }
    }

    /// The failure that this and every later call gets, until a reset.
    ///
    /// - Parameters:
    ///   - id: The environment.
    ///   - end: How the program ended, where that is known.
    ///   - sandboxEnd: Why the whole sandbox ended, where it did.
    /// - Returns: What it did, how it ended and what it wrote last, in a few sentences.
    func failure(of id: EnvironmentID, _ end: AgentProgramEnd?, sandboxEnd: String?) -> Failure {
        var sentence = "\(name): The program of \(id) \(deed(end))"
        if let sandboxEnd { sentence += " Its sandbox has ended: \(sandboxEnd)" }
        sentence += " Reset to go on with a new one."
        let log = end.map { Self.lastLines($0.errors) } ?? ""
        if !log.isEmpty { sentence += " The last it wrote to its standard error:\n\(log)" }
        return Failure(kind, sentence)
    }

    private var kind: Failure.Kind {
        switch self {
        case .timedOut: .timeout
        default: .envFailed
        }
    }

    private func deed(_ end: AgentProgramEnd?) -> String {
        switch self {
        case .exited: "ended instead of answering\(Self.manner(end))."
        case .partialLine(let bytes): "ended after \(bytes) bytes of a line\(Self.manner(end))."
        case .lineTooLong(let limit): "said a line of more than \(limit) bytes and was ended."
        case .garbage(let text): "said what is not JSON and was ended: \(text)."
        case .noAnswer(let text): "said what is no answer and was ended: \(text)."
        case .wrongID(let text): "answered id \(text), which nothing waits for, and was ended."
        case .wrongType(let what): "answered \(what) and was ended."
        case .timedOut(let limit): "did not answer within \(limit) and was ended."
        case .broken(let reason): "can no longer be reached: \(reason)."
        }
    }

    private static func manner(_ end: AgentProgramEnd?) -> String {
        guard let end else { return "" }
        guard end.isOwn else { return ": it shut its socket and went on" }
        if let code = end.exitCode { return ", with exit status \(code)" }
        guard let signal = end.signal else { return "" }
        return ", by signal \(signal)" + (signal == 9 ? ", which the kernel sends where memory has run out" : "")
    }

    /// The last ten lines of `log`, at most 2,000 bytes.
    private static func lastLines(_ log: [UInt8]) -> String {
        let text = String(decoding: log.suffix(2000), as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).suffix(10).joined(separator: "\n")
    }

    /// The beginning of what a program said, fit for a message.
    static func shown(_ bytes: some Collection<UInt8>) -> String {
        let text = String(decoding: bytes.prefix(80), as: UTF8.self)
        let plain = text.unicodeScalars.map { $0.value < 0x20 || 0x7F..<0xA0 ~= $0.value ? "\u{FFFD}" : Character($0) }
        return "\"\(String(plain))\(bytes.count > 80 ? "…" : "")\""
    }
}
