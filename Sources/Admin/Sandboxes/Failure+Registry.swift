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
