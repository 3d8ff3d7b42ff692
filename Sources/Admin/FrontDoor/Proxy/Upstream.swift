import SandboxHost
import Transport

/// An answer from inside a sandbox whose head is there; its body is read while it is passed on, and nothing is collected on
/// the way.
struct Upstream: Sendable {
    let status: HTTPStatus
    let headers: HTTPHeaders
    let chunks: HTTPClientBody
    private let reader: Reader

    /// Ends the exchange when nobody will read on, whether the body was read or not.
    private final class Reader: Sendable {
        private let ending: AsyncStream<Void>.Continuation

        init(_ ending: AsyncStream<Void>.Continuation) { self.ending = ending }

        deinit { ending.finish() }
    }

    /// What reads an answer, within the exchange that brings it.
    typealias Consumer = @Sendable (HTTPStatus, HTTPHeaders, HTTPClientBody) async throws -> Void

    private struct Head: Sendable {
        let status: HTTPStatus
        let headers: HTTPHeaders
        let chunks: HTTPClientBody
    }

    /// Begins an exchange and returns as soon as the head of the answer is there.
    ///
    /// - Parameter exchange: Sends the request and has its argument read the answer; it stays open as long as this value, or a
    ///   body made of it, lives.
    /// - Throws: What `exchange` throws before there is an answer.
    init(_ exchange: @escaping @Sendable (_ consumer: @escaping Consumer) async throws -> Void) async throws {
        let (done, ending) = AsyncStream.makeStream(of: Void.self)
        let (heads, found) = AsyncThrowingStream.makeStream(of: Head.self)
        let task = Task(executorPreference: EventLoop.current) {
            do {
                try await exchange { status, headers, chunks in
                    found.yield(Head(status: status, headers: headers, chunks: chunks))
                    found.finish()
                    for await _ in done {}
                }
            } catch {
                found.finish(throwing: error)
            }
        }
        reader = Reader(ending)
        let head = try await withTaskCancellationHandler {
            var iterator = heads.makeAsyncIterator()
            guard let head = try await iterator.next() else { throw CancellationError() }
            return head
        } onCancel: {
            task.cancel()
        }
        (status, headers, chunks) = (head.status, head.headers, head.chunks)
    }

    /// The answer with `fields` as its header lines.
    func response(_ fields: [HTTPField]) -> HTTPResponse {
        guard status != 204, status != 304 else { return HTTPResponse(status, headers: fields) }
        return HTTPResponse(
            status, headers: fields,
            body: .stream { writer in
                defer { withExtendedLifetime(self) {} }
                for try await chunk in chunks { try await writer.write(chunk) }
            })
    }

    /// The first bytes of the body, at most `limit` and a piece.
    func beginning(_ limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await chunk in chunks {
            bytes += chunk
            if bytes.count >= limit { break }
        }
        return bytes
    }
}

/// Which header lines pass through.
enum PassedHeaders {
    /// About one connection only, so never passed on (RFC 9110, 7.6.1), and what each side writes itself.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length", "host", "expect", "date",
    ]

    /// What opens this server's door is nobody's business inside.
    private static let ours: Set<String> = ["x-api-key", "xrl-authorization", "x-rock-target-port", "x-key"]

    /// The lines of a request for a program inside.
    static func inward(_ fields: [HTTPField]) -> [HTTPField] {
        passed(fields).filter { field in
            let name = field.name.lowercased()
            if ours.contains(name) || name.hasPrefix("sec-websocket-") { return false }
            return name != "authorization" || !field.value.lowercased().hasPrefix("bearer rock_")
        }
    }

    /// The lines of an answer for a client.
    static func outward(_ fields: [HTTPField]) -> [HTTPField] { passed(fields) }

    private static func passed(_ fields: [HTTPField]) -> [HTTPField] {
        // A line may name others that are about its connection only.
        let named = fields.filter { $0.name.lowercased() == "connection" }
            .flatMap { $0.value.lowercased().split(separator: ",") }
            .map { $0.trimming(" ") }
        return fields.filter { field in
            let name = field.name.lowercased()
            return !hopByHop.contains(name) && !named.contains { $0 == name }
        }
    }
}

extension Substring {
    /// Without the characters `blank` at both ends.
    fileprivate func trimming(_ blank: Character) -> Substring {
        let rest = drop { $0 == blank }
        return rest[..<(rest.lastIndex { $0 != blank }.map(rest.index(after:)) ?? rest.startIndex)]
    }
}
