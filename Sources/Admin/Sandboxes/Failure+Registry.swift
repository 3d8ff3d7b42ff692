import GEM
import Registry

extension Failure {
    /// What a registry's refusal is to a client.
    init(_ error: RegistryError) {
        let sentence = error.message.prefix(1).uppercased() + error.message.dropFirst()
        let kind: Failure.Kind =
            switch error.code {
            case .invalidArgument: .invalidArgument
            case .notFound: .unknownSandbox
            case .alreadyExists, .illegalMove: .conflict
            case .overloaded: .overloaded
            case .closed: .shuttingDown
            case .inUse, .notARegistry, .newerSchema, .corrupt, .readOnly, .diskFull, .ioFailed, .sqliteFailed:
                .infraFailed
            }
        self.init(kind, sentence.hasSuffix(".") ? String(sentence) : sentence + ".")
    }
}

/// Runs `body`, whose errors are the registry's or failures already.
func recorded<Value>(_ body: () async throws -> Value) async throws(Failure) -> Value {
    do { return try await body() } catch let error as RegistryError { throw Failure(error) } catch let failure
        as Failure
    { throw failure } catch { throw Failure(.internalError, "The registry failed: \(error).") }
}
