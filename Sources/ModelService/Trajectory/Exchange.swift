import GEM
import Glibc

/// A request to a model server and what became of it.
struct Exchange: Sendable {
    /// The path that the agent asked, such as `/v1/chat/completions`.
    var path: String
    var model: String?
    var isStreamed: Bool
    /// The request's JSON, on one line.
    var request: [UInt8]
    /// Seconds since 1970.
    var start: Double
    var end: Double = 0
    /// The answer's status; `nil` where there was no answer.
    var statusCode: Int?
    /// The answer's JSON, a streamed one put together.
    var response: [UInt8]?
    /// A streamed answer as it came.
    var stream: [UInt8]?
    /// Why there is no whole answer.
    var error: String?

    /// One line of JSON, without its line feed; with `isComplete`, everything is in it that playing back needs.
    func line(isComplete: Bool) -> [UInt8] {
        let succeeded = error == nil && (statusCode ?? 500) < 400
        return JSONWriter.bytes { writer in
            writer.beginObject()
            writer.name("model")
            if let model { writer.string(model) } else { writer.null() }
            writer.name("stream")
            writer.bool(isStreamed)
            writer.name("status")
            writer.string(succeeded ? "success" : "failure")
            writer.name("response_time")
            writer.double(end - start)
            writer.name("start_time")
            writer.double(start)
            writer.name("end_time")
            writer.double(end)
            writer.name("request")
            if request.isEmpty { writer.null() } else { writer.raw(request.span) }
            writer.name("response")
            if let response { writer.raw(response.span) } else { writer.null() }
            writer.name("error")
            if let error {
                writer.string(error)
            } else if let statusCode, !succeeded {
                writer.string("upstream_status=\(statusCode)")
            } else {
                writer.null()
            }
            if isComplete {
                writer.name("path")
                writer.string(path)
                writer.name("status_code")
                if let statusCode { writer.integer(statusCode) } else { writer.null() }
                if let stream {
                    writer.name("events")
                    writer.string(String(decoding: stream, as: UTF8.self))
                }
            }
            writer.endObject()
        }
    }

    /// The time, in seconds since 1970.
    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

extension [UInt8] {
    /// These bytes on one line, if they are one JSON value.
    var jsonLine: [UInt8]? {
        // What is no JSON is something else, and no failure.
        guard let range = try? JSONScanner.validate(span) else { return nil }
        var text = Array(self[range])
        JSON.joinLines(of: &text)
        return text
    }
}
