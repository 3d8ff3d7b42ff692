import GEM
import Transport

/// A request on its way to a model server.
struct UpstreamRequest: Sendable {
    let method: String
    /// The whole address.
    let url: String
    let headers: [HTTPField]
    let body: [UInt8]
    /// How long the answer may take, and how long it may be silent.
    let timeout: Duration
    /// Whether the answer comes in pieces: then only silence counts.
    let isStreamed: Bool
}

/// A model server's answer, its body still to be read.
struct UpstreamAnswer: Sendable {
    let status: HTTPStatus
    let headers: [HTTPField]
    /// The next bytes of the body; `nil` at the end.
    ///
    /// Throws ``UpstreamFailure``, `CancellationError`.
    let next: @Sendable () async throws -> [UInt8]?
    /// Lets go of what has not been read.
    let close: @Sendable () -> Void

    /// The first header line called `name`, in lower case.
    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }

    /// The whole body.
    ///
    /// - Throws: ``UpstreamFailure``, also for more than `limit` bytes; `CancellationError`.
    func collect(upTo limit: Int) async throws -> [UInt8] {
        var body: [UInt8] = []
        while let piece = try await next() {
            guard body.count + piece.count <= limit else {
                throw UpstreamFailure.broken("The answer has more than \(limit) bytes.")
            }
            if body.isEmpty { body = piece } else { body += piece }
        }
        return body
    }
}

/// Why there is no answer, or no whole one.
enum UpstreamFailure: Error, Equatable {
    /// Nobody could be asked.
    case unreachable(String)
    /// It took too long.
    case timedOut(String)
    /// It broke off.
    case broken(String)

    var message: String {
        switch self {
        case .unreachable(let text), .timedOut(let text), .broken(let text): text
        }
    }

    /// What an agent is told.
    var refusal: Refusal {
        switch self {
        case .timedOut: Refusal(504, "The model server took too long: \(message)")
        case .unreachable, .broken: Refusal(502, "The model server could not be asked: \(message)")
        }
    }
}

/// What carries requests to model servers.
protocol UpstreamCarrier: Sendable {
    /// Sends a request and waits for the beginning of its answer.
    ///
    /// - Throws: ``UpstreamFailure``; `CancellationError`.
    func open(_ request: UpstreamRequest) async throws -> UpstreamAnswer
}
