import GEM
import Registry

/// How an entry is written.
package enum LogFormat: String, CaseIterable, Sendable {
    /// ROCK's: `<time> <LEVEL>:<file>:<line> [<logger>] [<sandbox>] [<trace>] -- <message>`.
    case text
    /// One JSON object per line.
    case json

    /// Appends `entry` as one record with the line end behind it.
    ///
    /// - Parameters:
    ///   - entry: What to write.
    ///   - times: The zone of its time.
    ///   - isColoured: Whether the part in front of the message shows the level by colour, for a terminal.
    ///   - output: Receives the bytes.
    func append(_ entry: LogEntry, times: TimeFormat, isColoured: Bool, to output: inout [UInt8]) {
        switch self {
        case .text: appendText(entry, times: times, isColoured: isColoured, to: &output)
        case .json: appendJSON(entry, times: times, to: &output)
        }
    }

    private func appendText(_ entry: LogEntry, times: TimeFormat, isColoured: Bool, to output: inout [UInt8]) {
        if isColoured { output += "\u{1B}[\(entry.level.colour)m".utf8 }
        output += "\(times.logText(entry.time)) \(entry.level.rawValue):\(Self.name(entry.file)):\(entry.line) [".utf8
        Self.append(entry.logger, to: &output)
        output += "] [".utf8
        Self.append(entry.sandbox, to: &output)
        output += "] [".utf8
        Self.append(entry.trace, to: &output)
        output += "] --".utf8
        if isColoured { output += "\u{1B}[0m".utf8 }
        output.append(0x20)
        // JSON escapes what a text must not bring into a log; its own line ends are wanted.
        if entry.isJSON { output += entry.message.utf8 } else { Self.append(entry.message, to: &output) }
        output.append(0x0A)
    }

    private func appendJSON(_ entry: LogEntry, times: TimeFormat, to output: inout [UInt8]) {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, text) in [
            ("time", times.logText(entry.time)), ("level", entry.level.rawValue),
            ("source", "\(Self.name(entry.file)):\(entry.line)"), ("logger", entry.logger),
            ("sandbox_id", entry.sandbox), ("trace_id", entry.trace),
        ] as [(StaticString, String)] where !text.isEmpty {
            writer.name(name)
            writer.string(text)
        }
        writer.name("message")
        if entry.isJSON, let json = try? JSON(parsing: Array(entry.message.utf8).span) {
            writer.value(json)
        } else {
            writer.string(entry.message)
        }
        writer.endObject()
        output += writer.bytes
        output.append(0x0A)
    }

    private static func name(_ file: StaticString) -> Substring {
        let path = file.description
        return path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
    }

    /// Appends `text` on one line: a client's text must not pretend to be another entry.
    private static func append(_ text: String, to output: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case 0x0A: output += "\\n".utf8
            case 0x0D: output += "\\r".utf8
            case 0..<0x20 where byte != 0x09, 0x7F:
                output += "\\x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
            default: output.append(byte)
            }
        }
    }
}

extension LogLevel {
    /// The parameter of the terminal's colour sequence.
    fileprivate var colour: String {
        switch self {
        case .debug: "36"
        case .info: "32"
        case .warning: "33"
        case .error: "31"
        }
    }
}
