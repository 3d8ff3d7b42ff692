/// Where the log goes and what it holds.
package struct LogConfiguration: Sendable, Equatable {
    /// The folder of the log files; `nil` writes to standard error. Never both.
    package var folder: String?
    /// The main log's file name.
    package var fileName = "admin.log"
    /// The least that is written; `nil` is everything from INFO in files, and from WARNING on standard error.
    package var level: LogLevel?
    package var format = LogFormat.text
    /// Which requests leave a line.
    package var access = Access.calls
    /// A file is put aside when it is larger than this, in bytes.
    package var rotateBytes = 100 << 20
    /// A file is put aside when it was begun longer ago than this, in seconds; 0 is never.
    package var rotateSeconds = 0
    /// How many files that were put aside are kept: `admin.log.1` is the youngest.
    package var keep = 7
    /// Entries that may wait to be written; more are dropped and counted.
    package var queueLimit = 8192

    /// Which requests leave a line.
    package enum Access: String, CaseIterable, Sendable {
        case none
        /// Those for sandboxes, keys and images. Environments are stepped too often for that.
        case calls
    }

    package init() {}

    /// The least that is written.
    var threshold: LogLevel { level ?? (folder == nil ? .warning : .info) }
}
