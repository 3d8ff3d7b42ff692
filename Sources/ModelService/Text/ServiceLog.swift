/// Where a service says what it does. A secret that gets into a sentence does not get out.
package struct ServiceLog: Sendable {
    /// How much a sentence matters.
    package enum Level: String, Sendable {
        case info = "INFO"
        case warning = "WARNING"
        case error = "ERROR"
    }

    package typealias Sink = @Sendable (Level, String) -> Void

    private let sink: Sink
    private let secret: [UInt8]

    init(_ sink: @escaping Sink, secret: String?) {
        self.sink = sink
        self.secret = Array((secret ?? "").utf8)
    }

    func info(_ text: String) { say(.info, text) }
    func warning(_ text: String) { say(.warning, text) }
    func error(_ text: String) { say(.error, text) }

    private func say(_ level: Level, _ text: String) {
        // One line each, whatever a model server says.
        let line = String(text.map { $0.isNewline ? " " : $0 }.prefix(4096))
        guard !secret.isEmpty else { return sink(level, line) }
        var scrubber = Scrubber(secret)
        sink(level, String(decoding: scrubber.scrub(Array(line.utf8)) + scrubber.finish(), as: UTF8.self))
    }
}
