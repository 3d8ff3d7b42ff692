package import Registry

/// How much a log line matters.
package enum LogLevel: String, CaseIterable, Sendable, Comparable {
    case debug = "DEBUG"
    case info = "INFO"
    case warning = "WARNING"
    case error = "ERROR"

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }

    package static func < (one: LogLevel, other: LogLevel) -> Bool { one.rank < other.rank }

    /// The level that `word` names, in any case.
    package init?(word: String) { self.init(rawValue: word.uppercased() == "WARN" ? "WARNING" : word.uppercased()) }
}

/// One thing worth a line in the log.
package struct LogEntry: Sendable {
    package let time: Timestamp
    package let level: LogLevel
    /// The source file's name and line.
    package let file: StaticString
    package let line: Int
    /// Who says it, such as `accessLog` or `billing`.
    package let logger: String
    /// The sandbox it is about; empty where it is about none.
    package let sandbox: String
    /// Follows one request; empty where there is none.
    package let trace: String
    package let message: String
    /// Whether `message` is JSON already.
    package var isJSON = false
}
