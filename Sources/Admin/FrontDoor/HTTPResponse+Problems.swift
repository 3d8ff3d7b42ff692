import GEM
import Transport

extension HTTPResponse {
    /// `{"detail": text}`, with the failure's kind where there is one.
    static func problem(
        _ status: HTTPStatus, _ text: String, kind: Failure.Kind? = nil, headers: [HTTPField] = []
    ) -> HTTPResponse {
        var response = HTTPResponse.json(
            status,
            Admin.json { writer in
                writer.beginObject()
                writer.name("detail")
                writer.string(text)
                if let kind {
                    writer.name("kind")
                    writer.string(kind.rawValue)
                }
                writer.endObject()
            })
        response.headers += headers
        return response
    }

    /// What somebody is told who may not come in.
    static func refusal(_ refusal: Access.Refusal) -> HTTPResponse {
        var headers: [HTTPField] = []
        if refusal.failure.kind == .unauthorized { headers.append(HTTPField("WWW-Authenticate", "Bearer")) }
        if let seconds = refusal.retryAfter { headers.append(HTTPField("Retry-After", "\(seconds)")) }
        return problem(
            HTTPStatus(rawValue: UInt16(refusal.failure.kind.httpStatus)), refusal.failure.message,
            kind: refusal.failure.kind, headers: headers)
    }
}
