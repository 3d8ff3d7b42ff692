extension JSONWriter {
    /// Writes `failure` as a JSON-RPC error object: `{"code":…,"message":"…","data":{"kind":"…"}}`.
    public mutating func failure(_ failure: Failure) {
        beginObject()
        name("code")
        integer(failure.kind.code)
        name("message")
        string(failure.message)
        name("data")
        beginObject()
        name("kind")
        string(failure.kind.rawValue)
        endObject()
        endObject()
    }
}

extension Failure {
    /// Reads a JSON-RPC error object; `nil` where it is none.
    ///
    /// The kind is taken from `data.kind`, or from the code where that says nothing we know.
    public init?(_ json: JSON) {
        guard let code = json["code"]?.int, let message = json["message"]?.string else { return nil }
        let named = json["data"]?["kind"]?.string.flatMap(Kind.init(rawValue:))
        self.init(named ?? Kind(code: code) ?? .internalError, message)
    }
}
