import GEM
import Transport

/// Answers agents with what model servers say, or said once.
struct ProxyMode: Mode {
    /// The longest answer that is not streamed, in bytes.
    static let answerLimit = 64 << 20

    let configuration: ModelServiceConfiguration
    let route: Route
    let log: ServiceLog
    let secret: [UInt8]
    private let replay: Replay?
    private let recorder: Recorder
    private let plain = PlainCarrier()

    /// - Throws: ``Failure`` where a recording cannot be read.
    init(_ configuration: ModelServiceConfiguration, log: ServiceLog) async throws {
        self.configuration = configuration
        self.log = log
        route = Route(configuration)
        secret = Array((configuration.apiKey ?? "").utf8)
        if let path = configuration.replayFile {
            replay = try await Replay(path)
            recorder = Recorder(nil, nil, log)
        } else {
            replay = nil
            recorder = Recorder(configuration.trajectory, configuration.recordingFile, log)
        }
    }

    func answer(_ request: HTTPRequest, path: String) async throws -> HTTPResponse {
        if path == "/v1/models" || path.hasPrefix("/v1/models/") {
            guard request.isMethod("GET") else { throw Refusal.wrongMethod }
            return try await models(request, path)
        }
        guard let rest = Route.paths[path] else { throw Refusal.notFound }
        guard request.isMethod("POST") else { throw Refusal.wrongMethod }
        let body = try await Door.object(of: request)
        let (model, isStreamed) = try Self.essentials(of: body)
        var exchange = Exchange(path: path, model: model, isStreamed: isStreamed, request: body, start: Exchange.now)
        if let replay { return try played(replay, &exchange) }
        let base = try route.base(for: model)
        return try await pass(
            UpstreamRequest(
                method: "POST", url: base + rest + Self.query(of: request),
                headers: route.headers(of: request, path: path),
                body: body, timeout: configuration.requestTimeout, isStreamed: isStreamed), exchange)
    }

    /// The two members of a request that matter here.
    private static func essentials(of body: [UInt8]) throws -> (model: String?, isStreamed: Bool) {
        do throws(JSONError) {
            let places = try JSONScanner.values(of: ["model", "stream"], at: 0..<body.count, in: body.span)
            let model = try places[0].map { range throws(JSONError) in
                let text = Array(body[range])
                return try JSON(parsing: text.span).string
            }
            return (model ?? nil, places[1].map { Array(body[$0]) == Array("true".utf8) } ?? false)
        } catch {
            throw Refusal(.badRequest, "Request body is not valid JSON: \(error).")
        }
    }

    private static func query(of request: HTTPRequest) -> String {
        let query = String(decoding: request.rawQuery, as: UTF8.self)
        return query.isEmpty ? "" : "?" + query
    }

    // MARK: Models

    /// Asks the one model server there is, or says which names there are rules for.
    private func models(_ request: HTTPRequest, _ path: String) async throws -> HTTPResponse {
        var exchange = Exchange(path: path, model: nil, isStreamed: false, request: [], start: Exchange.now)
        if let replay {
            do { return try played(replay, &exchange) } catch is Refusal { return list([]) }
        }
        guard configuration.proxyBaseURL != nil else {
            guard path != "/v1/models" else { return list(route.models) }
            let name = String(path.dropFirst("/v1/models/".count))
            guard route.models.contains(name) else { throw Refusal.notFound }
            return .json(.ok, Self.model(name).serialized)
        }
        return try await pass(
            UpstreamRequest(
                method: "GET", url: try route.base(for: nil) + path.dropFirst("/v1".count) + Self.query(of: request),
                headers: route.headers(of: request, path: path), body: [], timeout: configuration.requestTimeout,
                isStreamed: false), exchange)
    }

    private func list(_ names: [String]) -> HTTPResponse {
        .json(.ok, JSON.object(["object": "list", "data": .array(names.map(Self.model))]).serialized)
    }

    private static func model(_ name: String) -> JSON {
        ["id": .string(name), "object": "model", "created": 0, "owned_by": "rock"]
    }

    // MARK: Playing back

    private func played(_ replay: Replay, _ exchange: inout Exchange) throws -> HTTPResponse {
        let (record, isExact) = try replay.answer(to: exchange.request, path: exchange.path)
        if !isExact {
            log.warning("\(exchange.path): the request differs from every recorded one; the next answer is given.")
        }
        let status = HTTPStatus(rawValue: UInt16(record.statusCode))
        if exchange.isStreamed, record.statusCode < 400, let stream = record.stream(model: exchange.model) {
            return HTTPResponse(status, headers: [HTTPField("Content-Type", "text/event-stream")], body: .bytes(stream))
        }
        guard let response = record.response else {
            throw Refusal(.internalServerError, "The recorded exchange has no answer.")
        }
        return .json(status, response)
    }

    // MARK: Passing on

    private func pass(_ request: UpstreamRequest, _ exchange: Exchange) async throws -> HTTPResponse {
        var exchange = exchange
        let answer: UpstreamAnswer
        do {
            answer = try await send(request)
        } catch let failure as UpstreamFailure {
            exchange.error = failure.message
            await recorder.write(&exchange)
            throw clean(failure).refusal
        }
        exchange.statusCode = Int(answer.status.rawValue)
        let isStream = answer.header("content-type")?.lowercased().hasPrefix("text/event-stream") ?? false
        return isStream ? streamed(answer, exchange) : try await whole(answer, exchange)
    }

    /// Sends a request until it is answered, or it is no use trying again.
    private func send(_ request: UpstreamRequest) async throws -> UpstreamAnswer {
        let carrier: any UpstreamCarrier =
            request.url.lowercased().hasPrefix("https://") ? CurlCarrier(settings: []) : plain
        var retries = Retries(configuration)
        while true {
            let pause: Duration?
            let reason: String
            do {
                let answer = try await carrier.open(request)
                guard retries.isRetryable(Int(answer.status.rawValue)) else { return answer }
                pause = retries.pause(wish: answer.header("retry-after").flatMap { Retries.wish($0) })
                guard pause != nil else { return answer }
                answer.close()
                reason = "status \(answer.status.rawValue)"
            } catch let failure as UpstreamFailure {
                pause = retries.pause()
                guard pause != nil else { throw failure }
                reason = failure.message
            }
            guard let pause else { continue }
            let milliseconds = Int((pause / .milliseconds(1)).rounded())
            log.warning("\(request.url): \(reason); attempt \(retries.attempt) comes in \(milliseconds) ms.")
            if let loop = EventLoop.current {
                try await loop.sleep(until: .now + pause)
            } else {
                try await Task.sleep(for: pause)
            }
        }
    }

    private func whole(_ answer: UpstreamAnswer, _ exchange: Exchange) async throws -> HTTPResponse {
        var exchange = exchange
        var body: [UInt8]
        do {
            body = try await answer.collect(upTo: Self.answerLimit)
        } catch let failure as UpstreamFailure {
            answer.close()
            exchange.error = failure.message
            await recorder.write(&exchange)
            throw clean(failure).refusal
        }
        body = clean(body)
        let code = Int(answer.status.rawValue)
        var fields = cleanHeaders(answer)
        if configuration.retryableStatusCodes.contains(code) {
            // All attempts have failed. The words of the last one are in it: agents look for them.
            body =
                JSON.object([
                    "error": [
                        "message": .string("LLM backend error: " + String(decoding: body, as: UTF8.self)),
                        "type": "proxy_retry_failed", "code": .number(.init(code)),
                    ]
                ]).serialized
            fields.removeAll { ["content-type", "content-encoding"].contains($0.name.lowercased()) }
            fields.append(HTTPField("Content-Type", "application/json"))
        }
        exchange.response = body.jsonLine
        await recorder.write(&exchange)
        return HTTPResponse(answer.status, headers: fields, body: .bytes(body))
    }

    /// Passes on piece by piece, and writes the whole down at the end.
    private func streamed(_ answer: UpstreamAnswer, _ exchange: Exchange) -> HTTPResponse {
        let (recorder, secret, log) = (recorder, secret, log)
        return HTTPResponse(
            answer.status, headers: cleanHeaders(answer),
            body: .stream { writer in
                var exchange = exchange
                var scrubber = Scrubber(secret)
                var listener = StreamListener(keepsEvents: recorder.keepsEvents)
                do {
                    while let piece = try await answer.next() {
                        let clean = scrubber.scrub(piece)
                        listener.take(clean)
                        try await writer.write(clean)
                    }
                    let rest = scrubber.finish()
                    listener.take(rest)
                    try await writer.write(rest)
                } catch {
                    answer.close()
                    exchange.error =
                        (error as? UpstreamFailure)?.message ?? (Task.isCancelled ? "The client has gone." : "\(error)")
                    listener.finish(&exchange)
                    await recorder.write(&exchange)
                    if let failure = error as? UpstreamFailure {
                        log.warning("\(exchange.path): a streamed answer broke off: \(failure.message)")
                    }
                    throw error
                }
                listener.finish(&exchange)
                await recorder.write(&exchange)
            })
    }

    // MARK: Secrets

    private func clean(_ bytes: [UInt8]) -> [UInt8] {
        var scrubber = Scrubber(secret)
        return scrubber.scrub(bytes) + scrubber.finish()
    }

    private func clean(_ text: String) -> String { String(decoding: clean(Array(text.utf8)), as: UTF8.self) }

    private func clean(_ failure: UpstreamFailure) -> UpstreamFailure {
        switch failure {
        case .unreachable(let text): .unreachable(clean(text))
        case .timedOut(let text): .timedOut(clean(text))
        case .broken(let text): .broken(clean(text))
        }
    }

    private func cleanHeaders(_ answer: UpstreamAnswer) -> [HTTPField] {
        let fields = Route.answerHeaders(answer.headers)
        return secret.isEmpty ? fields : fields.map { HTTPField($0.name, clean($0.value)) }
    }
}
