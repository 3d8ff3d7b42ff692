import GEM
import Registry
import SandboxHost

extension Services {
    /// The sandboxes.
    ///
    /// - Throws: ``Failure`` where this server has none.
    func needSandboxes() throws(Failure) -> SandboxDirectory {
        guard let sandboxes else {
            throw Failure(.methodNotFound, "This server runs environments only: it has no driver for sandboxes.")
        }
        return sandboxes
    }

    /// The agent of the sandbox that `call` is about, which counts as a use of it.
    ///
    /// - Throws: ``Failure`` where it does not run or is not the caller's to see.
    func agent(for call: Call) async throws(Failure) -> SandboxAgent {
        try await needSandboxes().agent(of: call.sandboxID, for: call.sandboxCaller)
    }
}

extension Call {
    /// Who asks, as the directory of sandboxes knows it.
    var sandboxCaller: SandboxCaller {
        var known = SandboxCaller()
        known.userID = text("user_id") ?? known.userID
        known.experimentID = text("experiment_id") ?? known.experimentID
        known.namespace = text("namespace") ?? known.namespace
        known.clusterName = text("cluster_name") ?? known.clusterName
        known.key = text("x_key") ?? known.key
        known.namespaces = caller.namespaces.isEmpty ? nil : Set(caller.namespaces)
        return known
    }

    /// The same for what puts something into a namespace: one of the caller's own.
    ///
    /// - Throws: ``Failure`` of kind `forbidden` for a namespace of others.
    func creatingCaller() throws(Failure) -> SandboxCaller {
        var known = sandboxCaller
        if text("namespace") == nil, let first = caller.namespaces.first, !caller.sees(known.namespace) {
            known.namespace = first
        }
        guard caller.sees(known.namespace) else {
            throw Failure(.forbidden, "This API key does not reach the namespace \(known.namespace.prefix(80)).")
        }
        return known
    }

    /// How long the call may take: its own `timeout` and some, else `standard`.
    func patience(_ standard: Duration) -> Duration {
        guard let seconds = number("timeout"), seconds >= 0 else { return standard }
        return .seconds(min(seconds, 31_536_000)) + .seconds(15)
    }
}

extension Operation {
    /// What ROCK's headers say about who asks.
    static let whoAsks: [Header] = [
        Header(header: "X-User-Id", field: .optional("user_id", .text(most: 1024).orNull)),
        Header(header: "X-Experiment-Id", field: .optional("experiment_id", .text(most: 1024).orNull)),
        Header(header: "X-Namespace", field: .optional("namespace", .text(most: 1024).orNull)),
        Header(header: "X-Cluster", field: .optional("cluster_name", .text(most: 1024).orNull)),
        Header(header: "X-Key", field: .optional("x_key", Schema.secret.orNull)),
    ]

    /// One of ROCK's: under ``Interface/sandboxes``, in its envelope.
    static func rock(
        _ name: String, _ verb: Verb, _ path: String, _ summary: String, failure: String, scope: APIScope = .user,
        query: [Field] = [], headers: [Header] = [], body: Body = .none, result: Schema = .any, isAudited: Bool = false,
        _ action: Action
    ) -> Operation {
        Operation(
            name: name, verbs: [verb], path: Interface.sandboxes + path, summary: summary, scope: scope, query: query,
            headers: headers, body: body, form: .envelope(failure: failure), result: result, isAudited: isAudited,
            action: action)
    }

    /// One of ours beside them: the result by itself.
    static func own(
        _ name: String, _ verb: Verb, _ path: String, _ summary: String, form: Form = .bare, scope: APIScope = .user,
        query: [Field] = [], body: Body = .none, result: Schema = .any, isAudited: Bool = false, _ action: Action
    ) -> Operation {
        Operation(
            name: name, verbs: [verb], path: Interface.sandboxes + path, summary: summary, scope: scope, query: query,
            body: body, form: form, result: result, isAudited: isAudited, action: action)
    }

    /// The same at another path.
    func alias(_ path: String, body: Body) -> Operation {
        var operation = Operation(
            name: name, verbs: verbs, path: Interface.sandboxes + path, summary: summary, scope: scope, query: query,
            headers: headers, body: body, form: form, result: result, isAudited: isAudited, action: action)
        operation.isAlias = true
        return operation
    }
}

/// The JSON of one text.
func jsonText(_ text: String) -> [UInt8] { json { $0.string(text) } }
