import GEM
import Glibc
import Synchronization

/// Speaks to one repository of one registry by the OCI distribution specification. Blocks; callable from several threads.
final class RepositoryClient: Sendable {
    let server: RegistryServer
    let repository: String
    private let login: RegistryLogin?
    /// What the repository is wanted for: `pull` or `pull,push`.
    private let actions: String
    private let authorization = Mutex<Authorization>(.none)
    private let cancelled = Atomic(false)

    private enum Authorization { case none, basic, bearer(String) }

    init(_ server: RegistryServer, _ repository: String, login: RegistryLogin?, actions: String) {
        self.server = server
        self.repository = repository
        self.login = login
        self.actions = actions
    }

    /// Ends every transfer at its next piece.
    func cancel() { cancelled.store(true, ordering: .relaxed) }
    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// The address of something in the repository.
    func url(_ path: String) -> String { "\(server.url)/v2/\(repository)/\(path)" }

    /// Sends a request, with a token where the registry wants one, and hands the body on in pieces where the status is good.
    ///
    /// - Throws: ``Failure`` where the server cannot be reached, or refuses who asks.
    func send(
        _ transfer: Transfer,
        take: (Transfer.Answer, UnsafeRawBufferPointer) throws(Failure) -> Void = {
            (_: Transfer.Answer, _: UnsafeRawBufferPointer) throws(Failure) in
        }
    ) throws(Failure) -> Transfer.Answer {
        for attempt in 0... {
            guard !isCancelled else { throw Failure(.infraFailed, "It was cancelled.") }
            var refusal: [UInt8] = []
            var answer = try authorized(transfer).run(isCancelled: { isCancelled }) {
                (answer: Transfer.Answer, piece: UnsafeRawBufferPointer) throws(Failure) in
                if 200..<300 ~= answer.status { return try take(answer, piece) }
                refusal += piece.prefix(max(0, (1 << 16) - refusal.count))
            }
            answer.complaint = Self.complaint(refusal)
            guard answer.status == 401 else { return answer }
            guard attempt == 0, let header = answer.headers["www-authenticate"], let challenge = Challenge(header)
            else {
                break
            }
            try authorize(challenge)
        }
        let who = login.map { "does not let '\($0.username)' in" } ?? "wants to know who asks"
        throw Failure(.invalidArgument, "The registry \(server.host) \(who); check the user name and the password.")
    }

    /// Sends a request and reads a body of at most `limit` bytes.
    func document(_ transfer: Transfer, limit: Int) throws(Failure) -> (Transfer.Answer, [UInt8]) {
        var body: [UInt8] = []
        let answer = try send(transfer) { (_: Transfer.Answer, piece: UnsafeRawBufferPointer) throws(Failure) in
            guard body.count + piece.count <= limit else {
                throw Failure(.tooLarge, "\(transfer.url) answers with more than \(limit) bytes.")
            }
            body += piece
        }
        return (answer, body)
    }

    /// A request for something in the repository.
    func transfer(_ method: String, _ path: String, headers: [String] = []) -> Transfer {
        var transfer = Transfer(url(path), isSecure: server.isSecure)
        transfer.method = method
        transfer.headers = headers
        return transfer
    }

    // MARK: Who asks

    private func authorized(_ transfer: Transfer) -> Transfer {
        var transfer = transfer
        switch authorization.withLock({ $0 }) {
        case .none: break
        case .basic: transfer.login = login
        case .bearer(let token): transfer.headers.append("Authorization: Bearer \(token)")
        }
        return transfer
    }

    private func authorize(_ challenge: Challenge) throws(Failure) {
        switch challenge {
        case .basic:
            guard login != nil else { return }
            authorization.withLock { $0 = .basic }
        case .bearer(let realm, let service, let scope):
            let scope = scope ?? "repository:\(repository):\(actions)"
            let query = "service=\(Challenge.encoded(service))&scope=\(Challenge.encoded(scope))"
            // A registry that is spoken to with TLS must not send the password elsewhere without.
            var transfer = Transfer(realm + (realm.contains("?") ? "&" : "?") + query, isSecure: server.isSecure)
            transfer.login = login
            let (answer, body) = try transfer.document(limit: 1 << 20)
            let json = try? JSON(parsing: body.span)
            guard answer.status == 200, let token = json?["token"]?.string ?? json?["access_token"]?.string else {
                throw Failure(
                    .invalidArgument,
                    "\(realm.prefix(200)) gives no token for \(repository) (status \(answer.status)); check the user name and the password."
                )
            }
            authorization.withLock { $0 = .bearer(token) }
        }
    }

    /// What a registry says about a refusal, for people.
    private static func complaint(_ body: [UInt8]) -> String {
        guard let error = (try? JSON(parsing: body.span))?["errors"]?[0] else { return "" }
        return (error["message"]?.string ?? error["code"]?.string).map { ": \($0)" } ?? ""
    }
}
