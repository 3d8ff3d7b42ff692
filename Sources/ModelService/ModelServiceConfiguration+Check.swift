package import GEM
import Transport

extension ModelServiceConfiguration {
    /// Checks what belongs together.
    ///
    /// - Throws: ``Failure`` of kind `invalidArgument` for the first thing that cannot be.
    package func check() throws(Failure) {
        guard recordingFile == nil || replayFile == nil else {
            throw Failure(
                .invalidArgument, "A service records or plays back, not both: leave out one of the two files.")
        }
        guard type == .proxy || (recordingFile == nil && replayFile == nil) else {
            throw Failure(.invalidArgument, "Only a service of type proxy records and plays back.")
        }
        for url in [proxyBaseURL].compactMap({ $0 }) + proxyRules.values.sorted() { try Self.check(url: url) }
        for code in retryableStatusCodes where !(400...599 ~= code) {
            throw Failure(
                .invalidArgument, "\(code) is no status that can be tried again after: one is from 400 to 599.")
        }
        guard requestTimeout > .zero, 1...100 ~= maximumAttempts, retryDelay >= .zero else {
            throw Failure(.invalidArgument, "The request timeout must be above 0, the attempts from 1 to 100.")
        }
        let isPlain = { (byte: UInt8) in byte > 0x20 && byte < 0x7F }
        guard apiKey?.utf8.allSatisfy(isPlain) != false, apiKey?.isEmpty != true, (apiKey?.utf8.count ?? 0) <= 8192
        else {
            throw Failure(.invalidArgument, "An API key is one word of ASCII, at most 8192 bytes long.")
        }
    }

    /// - Throws: ``Failure`` unless `url` is the address of a model server.
    private static func check(url: String) throws(Failure) {
        let isSecure = url.lowercased().hasPrefix("https://")
        let plain = isSecure ? "http://" + url.dropFirst("https://".count) : url
        do throws(HTTPPlace.Fault) { _ = try HTTPPlace(plain) } catch {
            throw Failure(
                .invalidArgument,
                "'\(url.prefix(200))' is not the address of a model server; write it as https://HOST/v1, without a user's name in it."
            )
        }
    }
}
