import GEM
import Glibc

/// This machine as sandboxes' records name it.
enum LocalHost {
    /// Its host name.
    static let name: String = {
        var buffer = [UInt8](repeating: 0, count: 256)
        let result = buffer.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { gethostname($0.assumingMemoryBound(to: CChar.self), bytes.count - 1) } ?? -1
        }
        let name = String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
        return result == 0 && !name.isEmpty ? name : "localhost"
    }()

    /// Where the ports of its sandboxes are published.
    static let address = "127.0.0.1"
}

/// A report on isolation in a few words, for listings: `complete`, or what is missing.
enum IsolationSummary {
    /// The words for `report`, `{"complete":…,"walls":{…},"missing":[…]}` as a driver wrote it.
    static func text(of report: [UInt8]) -> String {
        guard let json = try? JSON(parsing: report.span) else { return "unknown" }
        if json["complete"]?.bool == true { return "complete" }
        let missing = (json["missing"]?.array ?? []).compactMap { $0["wall"]?.string ?? $0.string }
        let text = missing.isEmpty ? "incomplete" : "incomplete: no \(missing.joined(separator: ", "))"
        return String(text.prefix(200))
    }
}
