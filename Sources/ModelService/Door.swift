import GEM
import Transport

/// What a service answers with: a training loop's words, or a model server's.
protocol Mode: Sendable {
    /// Answers a request to `path`, which neither mode shares.
    ///
    /// - Throws: ``Refusal``, or what ended the request.
    func answer(_ request: HTTPRequest, path: String) async throws -> HTTPResponse
}

/// An answer that says no, as clients of model servers expect it: `{"detail": …}`.
struct Refusal: Error {
    let status: HTTPStatus
    let detail: String

    init(_ status: HTTPStatus, _ detail: String) { (self.status, self.detail) = (status, detail) }

    static let notFound = Refusal(.notFound, "Not Found")
    static let wrongMethod = Refusal(405, "Method Not Allowed")

    var response: HTTPResponse {
        .json(
            status,
            JSONWriter.bytes { writer in
                writer.beginObject()
                writer.name("detail")
                writer.string(detail)
                writer.endObject()
            })
    }
}

/// Where requests come in.
enum Door {
    /// The longest request that is read, in bytes.
    static let requestLimit = 64 << 20

    static func answer(_ request: HTTPRequest, by mode: any Mode, _ log: ServiceLog) async -> HTTPResponse {
        let path = String(decoding: request.rawPath, as: UTF8.self)
        do {
            if path == "/health" {
                guard request.isMethod("GET") else { throw Refusal.wrongMethod }
                return .json(.ok, Array(#"{"status":"healthy"}"#.utf8))
            }
            return try await mode.answer(request, path: path)
        } catch let refusal as Refusal {
            if refusal.status.rawValue >= 500 { log.warning("\(request.method) \(path): \(refusal.detail)") }
            return refusal.response
        } catch let error as HTTPError {
            return Refusal(error.status, error.message).response
        } catch is CancellationError {
            // Nobody hears it; it is what servers write down when a client has gone.
            return Refusal(499, "Request cancelled").response
        } catch ConnectionError.closed where Task.isCancelled {
            return Refusal(499, "Request cancelled").response
        } catch {
            log.error("\(request.method) \(path): \(error)")
            return internalError("\((error as? Failure)?.message ?? "\(error)")")
        }
    }

    private static func internalError(_ message: String) -> HTTPResponse {
        .json(
            .internalServerError,
            JSONWriter.bytes { writer in
                writer.beginObject()
                writer.name("error")
                writer.beginObject()
                writer.name("message")
                writer.string(message)
                for name in ["type", "code"] {
                    writer.name(name)
                    writer.string("internal_error")
                }
                writer.endObject()
                writer.endObject()
            })
    }

    /// The JSON object that a request carries.
    ///
    /// - Returns: Its bytes on one line.
    /// - Throws: ``Refusal`` where it carries something else.
    static func object(of request: HTTPRequest) async throws -> [UInt8] {
        var body = try await request.body.collect(upTo: requestLimit)
        do throws(JSONError) { _ = try JSONScanner.validate(body.span) } catch {
            throw Refusal(.badRequest, "Request body is not valid JSON: \(error).")
        }
        guard body.first(where: { $0 > 0x20 }) == 0x7B else {
            throw Refusal(.badRequest, "Request body must be a JSON object.")
        }
        JSON.joinLines(of: &body)
        return body
    }
}

extension JSONWriter {
    /// What `write` writes.
    static func bytes(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        write(&writer)
        return writer.bytes
    }
}
